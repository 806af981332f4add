import { describe, expect, it } from 'vitest';
import type { MetricInput } from '@/api/templates';
import { schemaOf } from './command-dialog';
import { changesBetween, inWords } from './diff';
import { exampleMetrics, exampleOf, taken, withDraft } from './example';
import { fillOf } from './slots-picture';

const metric = (more: Partial<MetricInput>): MetricInput => ({
  metric_key: 'm', display_name: 'M', data_type: 'float', unit: null, min_value: null, max_value: null,
  precision_digits: 1, is_required: false, description: null, enum_values: null, sort_order: 0, ...more,
});

describe('example', () => {
  it('gives each type a value that fits it', () => {
    expect(exampleOf(metric({ min_value: -40, max_value: 85 }))).toBe(22.5);
    expect(exampleOf(metric({ data_type: 'integer', min_value: 1, max_value: 4 }))).toBe(3);
    expect(exampleOf(metric({ min_value: 900 }))).toBe(920);
    expect(exampleOf(metric({ max_value: -100 }))).toBeLessThanOrEqual(-100);
    expect(exampleOf(metric({ data_type: 'boolean' }))).toBe(true);
    expect(exampleOf(metric({ data_type: 'enum', enum_values: ['off', 'on'] }))).toBe('off');
  });
  it('says what is taken', () => {
    expect(taken(metric({ min_value: 0, max_value: 110, unit: '°C' }))).toBe('number, 0 to 110 °C');
    expect(taken(metric({ data_type: 'integer', min_value: 0 }))).toBe('whole number, at least 0');
    expect(taken(metric({ data_type: 'enum', enum_values: ['off', 'on'] }))).toBe('one of off, on');
    expect(taken(metric({ unit: 'W' }))).toBe('number in W');
  });
  it('has the metric that is being edited in its place', () => {
    const all = [metric({ metric_key: 'a' }), metric({ metric_key: 'b' })];
    const edited = withDraft(all, metric({ metric_key: 'a', data_type: 'boolean' }));
    expect(exampleMetrics(edited)).toEqual({ a: true, b: 20 });
    expect(Object.keys(exampleMetrics(withDraft(all, metric({ metric_key: 'c' }))))).toEqual(['a', 'b', 'c']);
  });
});

describe('versions', () => {
  const before = {
    format: 'x', device_template: { name: 'Boiler', model: null },
    metrics: [{ metric_key: 'a', display_name: 'A', unit: 'V' }, { metric_key: 'b', display_name: 'B' }],
  };
  it('are compared part by part, whatever the order', () => {
    const after = {
      format: 'x', device_template: { name: 'Boiler 2' },
      metrics: [{ metric_key: 'c', display_name: 'C' }, { metric_key: 'a', display_name: 'A', unit: 'mV' }],
    };
    expect(changesBetween(before, after)).toEqual([
      { path: 'device_template / name', kind: 'changed', before: 'Boiler', after: 'Boiler 2' },
      { path: 'metrics / a / unit', kind: 'changed', before: 'V', after: 'mV' },
      { path: 'metrics / b', kind: 'removed', before: { metric_key: 'b', display_name: 'B' }, after: null },
      { path: 'metrics / c', kind: 'added', before: null, after: { metric_key: 'c', display_name: 'C' } },
    ]);
    expect(changesBetween(before, structuredClone(before))).toEqual([]);
  });
  it('are told in words', () => {
    expect(inWords({ metric_key: 'b', display_name: 'B' })).toBe('B');
    expect(inWords(null)).toBe('nothing');
    expect(inWords([1, 2])).toBe('[1,2]');
  });
});

it('reads a schema, and says what is wrong with it', () => {
  expect(schemaOf(' ')).toEqual({ schema: null, fault: false });
  expect(schemaOf('{"type": "object"}')).toEqual({ schema: { type: 'object' }, fault: false });
  expect(schemaOf('[1]').fault).toMatch(/object/);
  expect(schemaOf('{').fault).toMatch(/Not JSON/);
});

it('says how a slot stands', () => {
  const slot = (max_devices: number | null) =>
    ({ slot_key: 's', display_name: 'S', interface_type: 'i2c', max_devices, is_required: false });
  expect(fillOf(slot(1), 0)).toEqual({ word: 'free', full: false });
  expect(fillOf(slot(4), 2)).toEqual({ word: '2 of 4', full: false });
  expect(fillOf(slot(1), 1)).toEqual({ word: 'full', full: true });
  expect(fillOf(slot(null), 7)).toEqual({ word: '7 installed', full: false });
});
