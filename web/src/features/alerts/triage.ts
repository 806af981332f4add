// Where the keys are in the inbox, while rows come, go, and are dealt with.

/**
 * The alert to go on with once `acted` are dealt with and leave the list: the first that stays after the
 * place, else the last one before it; null when none stays. `here` may be gone already, then `place` (its
 * index when it was last seen) stands for it.
 */
export function nextAfter(
  order: readonly number[],
  acted: ReadonlySet<number>,
  here: number | null,
  place: number,
): number | null {
  const found = here === null ? -1 : order.indexOf(here);
  const from = found >= 0 ? found : Math.min(place, order.length);
  const after = order.slice(from).find((id) => !acted.has(id));
  return after ?? order.slice(0, from).findLast((id) => !acted.has(id)) ?? null;
}

/**
 * One step down (1) or up (-1) from where the keys are; at the ends it stays. Without a place it is the first
 * row; of an alert that left the list, the row that took its place (or the one above it).
 */
export function stepFrom(
  order: readonly number[],
  here: number | null,
  place: number,
  by: 1 | -1,
): number | null {
  if (order.length === 0) return null;
  const last = order.length - 1;
  const found = here === null ? -1 : order.indexOf(here);
  if (found >= 0) return order[Math.min(last, Math.max(0, found + by))]!;
  if (here === null) return order[0]!;
  return order[Math.min(last, Math.max(0, by > 0 ? place : place - 1))]!;
}
