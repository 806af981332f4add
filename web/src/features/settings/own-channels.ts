// By which channels a person on call wants to be told; the member is read by escalations.
const member = 'oncall_channel_ids';

/** At most so many are kept. */
export const mostOwnChannels = 10;

export function ownChannels(prefs: Record<string, unknown>): number[] {
  const ids = prefs[member];
  return Array.isArray(ids) ? ids.filter((id): id is number => Number.isInteger(id)) : [];
}

/** The preferences with one channel more or fewer; channels that are gone are dropped. */
export function withOwnChannel(
  prefs: Record<string, unknown>,
  id: number,
  chosen: boolean,
  there: number[],
): Record<string, unknown> {
  const rest = ownChannels(prefs).filter((one) => one !== id && there.includes(one));
  return { ...prefs, [member]: chosen ? [...rest, id] : rest };
}
