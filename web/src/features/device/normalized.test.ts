import { describe, expect, it } from 'vitest';
import type { MetricFacts } from './metric-facts';
import { normalizedOf, valueIn, withNormalized } from './normalized';

const named = [
  { normalized_name: 'temperature', display_unit: '°C', expected_min: -40, expected_max: 60 },
  { normalized_name: 'unused', display_unit: null },
];
const mapping = (raw_metric: string, multiplier = 1, offset_value = 0) => ({
  raw_metric,
  normalized_name: 'temperature',
  multiplier,
  offset_value,
});
const all = normalizedOf(named, [mapping('temp_f', 0.5, -16), mapping('t', 2), mapping('temperature', 9), mapping('z', 3)]);
const fact = (key: string, value: number | string): MetricFacts => ({
  key,
  name: key,
  unit: null,
  digits: 1,
  value,
  charted: typeof value === 'number',
});

describe('normalized metrics', () => {
  it('have their sources in the order of names, and themselves as they are sent', () => {
    expect(all.map((n) => [n.name, n.sources.map((s) => s.raw)])).toEqual([['temperature', ['t', 'temp_f', 'temperature', 'z']]]);
  });

  it('take the first value that a message has', () => {
    expect(valueIn({ temp_f: 90 }, 'temperature', all)).toBe(29);
    expect(valueIn({ temp_f: 90, t: 4 }, 'temperature', all)).toBe(8);
    expect(valueIn({ temp_f: 90, t: 'broken' }, 'temperature', all)).toBe(29);
    expect(valueIn({ temp_f: 90, temperature: 21 }, 'temperature', all)).toBe(29);
    expect(valueIn({ z: 90, temperature: 21 }, 'temperature', all)).toBe(21);
    expect(valueIn({ temp_f: true }, 'temperature', all)).toBe(-15.5);
    expect(valueIn({ other: 1 }, 'temperature', all)).toBeNull();
    expect(valueIn({ temp_f: 90 }, 'temp_f', all)).toBe(90);
  });

  it('are offered where the device sends one of their sources', () => {
    const facts = withNormalized([fact('temp_f', 90), fact('mode', 'auto')], all);
    expect(facts.map((f) => f.key)).toEqual(['temp_f', 'mode', 'temperature']);
    expect(facts[2]).toMatchObject({ unit: '°C', value: 29, charted: true, from: 'temp_f' });
    expect(withNormalized([fact('humidity', 40)], all)).toHaveLength(1);
    expect(withNormalized([fact('temperature', 20), fact('t', 1)], all)).toHaveLength(2);
  });
});
