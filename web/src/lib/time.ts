// Times for people: relative words, local clock, exact UTC.

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** "3 s", "14 min", "2 h", "3 d": how long a number of seconds is, in one unit. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < minute) return `${s} s`;
  if (s < hour) return `${Math.floor(s / minute)} min`;
  if (s < 2 * day) return `${Math.floor(s / hour)} h`;
  return `${Math.floor(s / day)} d`;
}

/** "3 s ago", "just now", "in 5 min". */
export function ago(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return iso;
  if (Math.abs(seconds) < 1) return 'just now';
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
}

/** Exact UTC, to the second: "2026-11-24 13:04:11 UTC". */
export function utc(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** Local clock time with seconds: "14:04:11". */
export function clock(iso: string): string {
  const t = new Date(iso);
  if (Number.isNaN(t.getTime())) return iso;
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** Local day and minute: "24 Nov 14:04". */
export function dayAndMinute(ms: number): string {
  const t = new Date(ms);
  const month = t.toLocaleString('en', { month: 'short' });
  return `${t.getDate()} ${month} ${two(t.getHours())}:${two(t.getMinutes())}`;
}

/** How often a relative time of this age (ms) changes its words. */
export function tickEvery(ageMs: number): number {
  if (ageMs < minute * 1000) return 1000;
  if (ageMs < hour * 1000) return 10_000;
  return 60_000;
}
