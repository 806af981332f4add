// A metric's series as the chart needs it: columns with gaps, live growth, figures.
import type { Point } from '@/api/types';

/** Parallel columns over time (seconds). `null` breaks the line. */
export interface Columns {
  time: number[];
  avg: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  count: number[];
}

export const emptyColumns = (): Columns => ({ time: [], avg: [], min: [], max: [], count: [] });

/** How far apart (seconds) two neighbours may be before the line breaks. */
export function gapLimit(times: number[], bucketSeconds: number): number {
  if (times.length < 3) return Math.max(bucketSeconds * 2.5, 300);
  const steps: number[] = [];
  for (let i = 1; i < times.length; i += 1) steps.push(times[i]! - times[i - 1]!);
  steps.sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length * 0.5)]!;
  return Math.max(usual * 4, bucketSeconds * 2.5, 1);
}

/** The API's points as columns, oldest first. */
export function toColumns(points: Point[]): Columns {
  const out = emptyColumns();
  const sorted = points
    .map((p) => ({ p, t: Date.parse(p.time) / 1000 }))
    .filter((x) => Number.isFinite(x.t))
    .sort((a, b) => a.t - b.t);
  for (const { p, t } of sorted) {
    out.time.push(t);
    out.avg.push(p.avg);
    out.min.push(p.min ?? p.avg);
    out.max.push(p.max ?? p.avg);
    out.count.push(p.count);
  }
  return out;
}

/** A copy with a null put into every gap, so that the chart breaks its line there. */
export function withGaps(c: Columns, bucketSeconds: number): Columns {
  const limit = gapLimit(c.time, bucketSeconds);
  const out = emptyColumns();
  const push = (t: number, a: number | null, lo: number | null, hi: number | null, n: number) => {
    out.time.push(t);
    out.avg.push(a);
    out.min.push(lo);
    out.max.push(hi);
    out.count.push(n);
  };
  for (let i = 0; i < c.time.length; i += 1) {
    const t = c.time[i]!;
    if (i > 0 && t - c.time[i - 1]! > limit)
      push((t + c.time[i - 1]!) / 2, null, null, null, 0);
    push(t, c.avg[i]!, c.min[i]!, c.max[i]!, c.count[i]!);
  }
  return out;
}

/** Spans without data inside the series, as [from, to] in seconds. */
export function gaps(c: Columns, bucketSeconds: number): [number, number][] {
  const limit = gapLimit(c.time, bucketSeconds);
  const out: [number, number][] = [];
  for (let i = 1; i < c.time.length; i += 1)
    if (c.time[i]! - c.time[i - 1]! > limit) out.push([c.time[i - 1]!, c.time[i]!]);
  return out;
}

/**
 * Adds one live reading in place: into its bucket when the series is bucketed, else as a point.
 * Late readings go where they belong. Repeats of the same instant replace.
 */
export function addReading(c: Columns, t: number, v: number, bucketSeconds: number): void {
  const bucketed = bucketSeconds > 1;
  const at = bucketed ? Math.floor(t / bucketSeconds) * bucketSeconds : t;
  let i = c.time.length;
  while (i > 0 && c.time[i - 1]! > at) i -= 1;
  if (i > 0 && c.time[i - 1] === at) {
    const k = i - 1;
    const n = c.count[k]!;
    if (bucketed && n > 0 && c.avg[k] !== null) {
      c.avg[k] = (c.avg[k]! * n + v) / (n + 1);
      c.min[k] = Math.min(c.min[k] ?? v, v);
      c.max[k] = Math.max(c.max[k] ?? v, v);
      c.count[k] = n + 1;
    } else {
      c.avg[k] = v;
      c.min[k] = v;
      c.max[k] = v;
      c.count[k] = 1;
    }
    return;
  }
  c.time.splice(i, 0, at);
  c.avg.splice(i, 0, v);
  c.min.splice(i, 0, v);
  c.max.splice(i, 0, v);
  c.count.splice(i, 0, 1);
}

/** Drops what lies before `from` (seconds), in place. */
export function dropBefore(c: Columns, from: number): void {
  let n = 0;
  while (n < c.time.length && c.time[n]! < from) n += 1;
  if (n === 0) return;
  c.time.splice(0, n);
  c.avg.splice(0, n);
  c.min.splice(0, n);
  c.max.splice(0, n);
  c.count.splice(0, n);
}

export interface Figures {
  min: number | null;
  avg: number | null;
  max: number | null;
  last: number | null;
}

/** Minimum, mean weighted by count, maximum and last value. */
export function figures(c: Columns): Figures {
  let min: number | null = null;
  let max: number | null = null;
  let sum = 0;
  let n = 0;
  let last: number | null = null;
  for (let i = 0; i < c.time.length; i += 1) {
    const a = c.avg[i] ?? null;
    if (a === null) continue;
    const lo = c.min[i] ?? a;
    const hi = c.max[i] ?? a;
    if (min === null || lo < min) min = lo;
    if (max === null || hi > max) max = hi;
    const weight = Math.max(1, c.count[i]!);
    sum += a * weight;
    n += weight;
    last = a;
  }
  return { min, max, avg: n > 0 ? sum / n : null, last };
}

/** A small line through the averages from `from` to `to` (seconds), broken where data is missing. */
export function sparkPath(c: Columns, from: number, to: number, width: number, height: number): string {
  const f = figures({ ...c, min: c.avg, max: c.avg });
  if (f.min === null || f.max === null) return '';
  const room = 2;
  const span = f.max - f.min;
  const x = (t: number) => ((t - from) / (to - from)) * width;
  const y = (v: number) =>
    span === 0 ? height / 2 : height - room - ((v - f.min!) / span) * (height - 2 * room);
  const g = withGaps(c, 0);
  let out = '';
  let pen = 'M';
  for (let i = 0; i < g.time.length; i += 1) {
    const v = g.avg[i] ?? null;
    if (v === null) {
      pen = 'M';
      continue;
    }
    out += `${pen}${x(g.time[i]!).toFixed(1)} ${y(v).toFixed(1)}`;
    // A point alone between gaps is a dot.
    const alone = pen === 'M' && (g.avg[i + 1] ?? null) === null;
    if (alone) out += 'h0.1';
    pen = 'L';
  }
  return out;
}
