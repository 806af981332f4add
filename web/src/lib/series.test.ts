import { describe, expect, it } from 'vitest';
import { addReading, dropBefore, emptyColumns, figures, gaps, sparkPath, toColumns, withGaps } from './series';

const at = (s: number) => new Date(s * 1000).toISOString();
const point = (s: number, avg: number | null, count = 1) => ({
  time: at(s),
  avg,
  min: avg === null ? null : avg - 1,
  max: avg === null ? null : avg + 1,
  count,
});

describe('series', () => {
  it('sorts points and breaks the line at gaps', () => {
    const c = toColumns([60, 0, 120, 180, 900, 960].map((s) => point(s, s)));
    expect(c.time).toEqual([0, 60, 120, 180, 900, 960]);
    const g = withGaps(c, 60);
    expect(g.time).toEqual([0, 60, 120, 180, 540, 900, 960]);
    expect(g.avg[4]).toBeNull();
    expect(gaps(c, 60)).toEqual([[180, 900]]);
  });
  it('does not break at ordinary jitter', () => {
    const c = toColumns([0, 10, 21, 29, 52, 60].map((s) => point(s, 1)));
    expect(gaps(c, 1)).toEqual([]);
  });
  it('merges a live reading into its bucket', () => {
    const c = toColumns([point(0, 10, 2), point(60, 20, 1)]);
    addReading(c, 75, 40, 60);
    expect(c.avg[1]).toBe(30);
    expect(c.max[1]).toBe(40);
    expect(c.min[1]).toBe(19);
    expect(c.count[1]).toBe(2);
    addReading(c, 121, 5, 60);
    expect(c.time).toEqual([0, 60, 120]);
  });
  it('puts a late raw reading where it belongs and replaces a repeat', () => {
    const c = emptyColumns();
    for (const t of [10, 30, 20, 30]) addReading(c, t, t, 0);
    expect(c.time).toEqual([10, 20, 30]);
    expect(c.count).toEqual([1, 1, 1]);
    dropBefore(c, 20);
    expect(c.time).toEqual([20, 30]);
  });
  it('figures weigh by count and see the band', () => {
    const f = figures(toColumns([point(0, 0, 3), point(60, 8, 1), point(120, null, 0)]));
    expect(f).toEqual({ min: -1, max: 9, avg: 2, last: 8 });
    expect(figures(emptyColumns())).toEqual({ min: null, max: null, avg: null, last: null });
  });
});

it('draws a small line that breaks where data is missing', () => {
  const c = toColumns(
    [0, 120, 240, 2400, 2520].map((t, i) => ({
      time: new Date(t * 1000).toISOString(), avg: i, min: null, max: null, count: 1,
    })),
  );
  const path = sparkPath(c, 0, 3600, 90, 20);
  expect(path.match(/M/g)).toHaveLength(2);
  expect(path.startsWith('M0.0 18.0L3.0 14.0')).toBe(true);
  expect(sparkPath(toColumns([]), 0, 3600, 90, 20)).toBe('');
});
