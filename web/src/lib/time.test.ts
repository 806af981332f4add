import { describe, expect, it } from 'vitest';
import { ago, span, utc } from './time';
import { count, decimalsOf, describe as describeMetric, value, withUnit } from './numbers';

describe('words for times and numbers', () => {
  it('spans use one unit', () => {
    expect([0, 59, 60, 3599, 3600, 7200, 172_799, 172_800].map(span)).toEqual([
      '0 s', '59 s', '1 min', '59 min', '1 h', '2 h', '47 h', '2 d',
    ]);
  });
  it('relative times know the future', () => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    expect(ago('2026-01-01T00:00:57Z', now)).toBe('3 s ago');
    expect(ago('2026-01-01T00:06:00Z', now)).toBe('in 5 min');
    expect(ago('2026-01-01T00:01:00Z', now)).toBe('just now');
    expect(utc('2026-01-01T01:00:00+01:00')).toBe('2026-01-01 00:00:00 UTC');
  });
  it('values keep their type', () => {
    expect(value(null)).toBe('–');
    expect(value(true)).toBe('true');
    expect(withUnit(-19.234, '°C', 1)).toBe('-19.2 °C');
    expect(withUnit('open', '°C')).toBe('open');
    expect(count(1284)).toBe('1,284');
  });
  it('shows as many decimals as the values have', () => {
    expect(decimalsOf([76, 76], 2)).toBe(0);
    expect(decimalsOf([62.5, null, 62], 2)).toBe(1);
    expect(decimalsOf([0.1 + 0.2, 1 / 3], 3)).toBe(3);
    expect(decimalsOf([], 2)).toBe(0);
  });
  it('guesses a name and unit', () => {
    expect(describeMetric('temperature')).toEqual({ name: 'Temperature', unit: '°C' });
    expect(describeMetric('temp_c')).toEqual({ name: 'Temperature', unit: '°C' });
    expect(describeMetric('battery_pct')).toEqual({ name: 'Battery', unit: '%' });
    expect(describeMetric('door_open')).toEqual({ name: 'Door open', unit: null });
  });
});
