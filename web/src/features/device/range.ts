// The time range of the charts, as it stands in the URL.

export type QuickRange = '15m' | '1h' | '6h' | '24h' | '7d' | '30d';
export const quickRanges: { value: QuickRange; label: string; seconds: number }[] = [
  { value: '15m', label: '15 min', seconds: 900 },
  { value: '1h', label: '1 h', seconds: 3600 },
  { value: '6h', label: '6 h', seconds: 6 * 3600 },
  { value: '24h', label: '24 h', seconds: 24 * 3600 },
  { value: '7d', label: '7 d', seconds: 7 * 86400 },
  { value: '30d', label: '30 d', seconds: 30 * 86400 },
];

export type Range =
  | { kind: 'quick'; quick: QuickRange; seconds: number }
  | { kind: 'fixed'; start: number; end: number };

const fallback: Range = { kind: 'quick', quick: '1h', seconds: 3600 };
/** Shortest span (seconds) that a drag may zoom into. */
export const shortest = 5;

/** Reads `range`, or `start` and `end`; what makes no sense becomes the last hour. */
export function readRange(params: URLSearchParams): Range {
  const start = Date.parse(params.get('start') ?? '') / 1000;
  const end = Date.parse(params.get('end') ?? '') / 1000;
  if (Number.isFinite(start) && Number.isFinite(end) && end - start >= 1)
    return { kind: 'fixed', start, end };
  const quick = quickRanges.find((r) => r.value === params.get('range'));
  return quick ? { kind: 'quick', quick: quick.value, seconds: quick.seconds } : fallback;
}

const iso = (seconds: number) => new Date(Math.round(seconds) * 1000).toISOString();

/** Writes a zoom; narrower than `shortest` it is widened around its middle. */
export function writeZoom(params: URLSearchParams, start: number, end: number): void {
  let [a, b] = start < end ? [start, end] : [end, start];
  if (b - a < shortest) {
    const middle = (a + b) / 2;
    a = middle - shortest / 2;
    b = middle + shortest / 2;
  }
  params.set('start', iso(a));
  params.set('end', iso(b));
}

export function writeQuick(params: URLSearchParams, quick: QuickRange): void {
  params.set('range', quick);
  params.delete('start');
  params.delete('end');
}

/** From and to in seconds, for a range seen at `now` (seconds). */
export function bounds(range: Range, now: number): [number, number] {
  return range.kind === 'fixed' ? [range.start, range.end] : [now - range.seconds, now];
}

/** Names a range in a cache's key. */
export function rangeKey(range: Range): string {
  return range.kind === 'quick' ? range.quick : `${range.start} ${range.end}`;
}

/** The history endpoint's parameters at `now` (seconds). */
export function toQuery(
  range: Range,
  now: number,
): { range?: string; start?: string; end?: string } {
  if (range.kind === 'fixed') return { start: iso(range.start), end: iso(range.end) };
  // The endpoint has no name for a quarter of an hour.
  if (range.quick === '15m') return { start: iso(now - range.seconds), end: iso(now + 1) };
  return { range: range.quick };
}

const two = (n: number) => String(n).padStart(2, '0');

/** A moment as a datetime-local field wants it: in the user's zone, to the second. */
export function toLocal(seconds: number): string {
  const t = new Date(Math.round(seconds) * 1000);
  const day = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  return `${day}T${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** The moment (seconds) of such a field, or null. */
export function fromLocal(text: string): number | null {
  const ms = text === '' ? NaN : new Date(text).getTime();
  return Number.isNaN(ms) ? null : ms / 1000;
}

/** Longest range that the server answers. */
const longest = 366 * 86_400;

/** What is wrong with a range that was typed, at its fields. */
export function customFaults(
  start: number | null,
  end: number | null,
): { start?: string; end?: string } {
  const out: { start?: string; end?: string } = {};
  if (start === null) out.start = 'Give day and time.';
  if (end === null) out.end = 'Give day and time.';
  if (start === null || end === null) return out;
  if (end <= start) out.end = 'Must be later than “From”.';
  else if (end - start < shortest) out.end = `At least ${shortest} seconds later.`;
  else if (end - start > longest) out.end = 'At most 366 days later.';
  return out;
}
