// What an event says of a change, member by member.

export interface Change {
  name: string;
  before: string;
  after: string;
  /** Of a list: what went, what came, and how many stayed. */
  list?: { removed: string[]; added: string[]; kept: number };
}

/** What stands where there is no value. */
export const nothing = '–';

/** A value as a person reads it. */
export function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return nothing;
  if (Array.isArray(value)) return value.length === 0 ? nothing : value.map(shown).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

/** What went from a list, what came to it, and how many stayed. */
export function listChange(
  before: readonly string[],
  after: readonly string[],
): { removed: string[]; added: string[]; kept: number } {
  const was = new Set(before);
  const is = new Set(after);
  return {
    removed: [...was].filter((x) => !is.has(x)),
    added: [...is].filter((x) => !was.has(x)),
    kept: [...was].filter((x) => is.has(x)).length,
  };
}

/** The members that `before` and `after` of an event's details tell apart. */
export function changesIn(details: Record<string, unknown> | null | undefined): Change[] {
  const before = isObject(details?.before) ? details.before : {};
  const after = isObject(details?.after) ? details.after : {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((name) => ({
      name,
      before: shown(before[name]),
      after: shown(after[name]),
      ...(Array.isArray(before[name]) && Array.isArray(after[name])
        ? { list: listChange(before[name].map(shown), after[name].map(shown)) }
        : {}),
    }))
    .filter((c) => c.before !== c.after);
}

/** What else the details hold. */
export function otherDetails(
  details: Record<string, unknown> | null | undefined,
): [string, string][] {
  return Object.entries(details ?? {})
    .filter(([name]) => name !== 'before' && name !== 'after')
    .map(([name, value]) => [name, shown(value)]);
}

/** The bounds of two days as they stand in an address: from the first moment to the end of the last. */
export function bounds(from: string | null, to: string | null): { start?: string; end?: string } {
  const day = /^\d{4}-\d{2}-\d{2}$/;
  const out: { start?: string; end?: string } = {};
  if (from && day.test(from)) out.start = new Date(`${from}T00:00:00`).toISOString();
  if (to && day.test(to)) {
    const end = new Date(`${to}T00:00:00`);
    end.setDate(end.getDate() + 1);
    out.end = end.toISOString();
  }
  return out;
}
