import type { AuditEvent, Member } from '@/api/people';

/** What is known of a person beside the directory: from the audit log. */
export interface Traces {
  /** When each person last signed in, by id. */
  signIns: ReadonlyMap<string, string>;
  /** When each person was invited, by id. */
  invited: ReadonlyMap<string, string>;
}

export type MemberState = 'active' | 'invited' | 'disabled';

/** The newest time of each key; events come newest first. */
export function newestOf(
  events: readonly AuditEvent[],
  key: (e: AuditEvent) => string | null | undefined,
): Map<string, string> {
  const out = new Map<string, string>();
  for (const e of events) {
    const id = key(e);
    if (id && !out.has(id)) out.set(id, e.timestamp);
  }
  return out;
}

/** Whether a person takes part, was asked to and has not come yet, or is locked out. */
export function stateOf(m: Member, traces: Traces): MemberState {
  if (!m.enabled) return 'disabled';
  const came = traces.signIns.has(m.id) || m.email_verified;
  return traces.invited.has(m.id) && !came ? 'invited' : 'active';
}
