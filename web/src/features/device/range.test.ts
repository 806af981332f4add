import { describe, expect, it } from 'vitest';
import {
  bounds,
  customFaults,
  fromLocal,
  readRange,
  toLocal,
  toQuery,
  writeQuick,
  writeZoom,
} from './range';

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
  });
  it('reads and writes the fields of a custom range', () => {
    const t = Date.UTC(2026, 10, 24, 13, 4, 11) / 1000;
    expect(fromLocal(toLocal(t))).toBe(t);
    expect(toLocal(t)).toMatch(/^2026-11-2[345]T\d\d:\d\d:11$/);
    expect(fromLocal('')).toBeNull();
    expect(customFaults(1000, 2000)).toEqual({});
    expect(Object.keys(customFaults(null, null))).toEqual(['start', 'end']);
    expect(customFaults(2000, 1000).end).toMatch(/later/);
    expect(customFaults(0, 367 * 86_400).end).toMatch(/366/);
  });
  it('widens a zoom that is too narrow', () => {
    const p = new URLSearchParams();
    writeZoom(p, 1000, 1001);
    const range = readRange(p);
    expect(range.kind === 'fixed' && range.end - range.start).toBeGreaterThanOrEqual(4);
  });
});
