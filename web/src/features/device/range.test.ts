import { describe, expect, it } from 'vitest';
import { bounds, exportRange, readRange, toQuery, writeQuick, writeZoom } from './range';

describe('range in the URL', () => {
  it('falls back to the last hour', () => {
    for (const text of ['', 'range=2y', 'start=x&end=y', 'start=2026-01-01T01:00:00Z&end=2026-01-01T00:00:00Z'])
      expect(readRange(new URLSearchParams(text))).toEqual({ kind: 'quick', quick: '1h', seconds: 3600 });
  });
  it('writes and reads a zoom, in either direction', () => {
    const p = new URLSearchParams('range=24h');
    writeZoom(p, 2000, 1000);
    const range = readRange(p);
    expect(range).toEqual({ kind: 'fixed', start: 1000, end: 2000 });
    expect(toQuery(range, 5000)).toEqual({
      start: '1970-01-01T00:16:40.000Z',
      end: '1970-01-01T00:33:20.000Z',
    });
    writeQuick(p, '7d');
    expect(toQuery(readRange(p), 0)).toEqual({ range: '7d' });
    expect(bounds(readRange(p), 7 * 86400)).toEqual([0, 7 * 86400]);
  });
  it('asks for a quarter of an hour by its bounds', () => {
    const range = readRange(new URLSearchParams('range=15m'));
    expect(toQuery(range, 1000)).toEqual({
      start: '1970-01-01T00:01:40.000Z',
      end: '1970-01-01T00:16:41.000Z',
    });
    expect(exportRange(range)).toBe('1h');
  });
  it('widens a zoom that is too narrow', () => {
    const p = new URLSearchParams();
    writeZoom(p, 1000, 1001);
    const range = readRange(p);
    expect(range.kind === 'fixed' && range.end - range.start).toBeGreaterThanOrEqual(4);
  });
});
