import { expect, it } from 'vitest';
import type { AlertRule } from '@/api/rules';
import { draftOf, emptyDraft, faultsOf, mayClearApart, ruleOf } from './draft';
import { lasting, thresholdsOn, whenOf, whereOf } from './sentence';

const rule: AlertRule = {
  rule_id: 'r',
  name: 'Too warm',
  rule_type: 'threshold',
  severity: 4,
  enabled: true,
  metric_name: 'temp_c',
  operator: 'GT',
  threshold: 30,
  duration_seconds: 0,
  duration_minutes: 5,
  conditions: [],
  open_alerts: 0,
  created_at: '',
  updated_at: '',
};
const names = { sites: new Map([['b', 'Berlin']]), groups: new Map([['g', 'Freezers']]) };

it('says a rule as people would', () => {
  expect(whenOf(rule)).toBe('temp_c is above 30 for 5 min');
  const two = [
    { metric_name: 'a', operator: 'LT' as const, threshold: 1, duration_minutes: 2 },
    { metric_name: 'b', operator: 'NE' as const, threshold: 0 },
  ];
  expect(whenOf({ ...rule, duration_minutes: null, conditions: two })).toBe('a is below 1 for 2 min and b is not 0');
  expect(whenOf({ ...rule, duration_minutes: null, conditions: two, match_mode: 'any' })).toContain(' or ');
  expect(whenOf({ ...rule, rule_type: 'window', aggregation: 'p95', window_seconds: 300 })).toBe(
    'the 95th percentile of temp_c over 5 min is above 30',
  );
  expect(whenOf({ ...rule, rule_type: 'telemetry_gap', gap_conditions: { metric_name: 'x', gap_minutes: 120 } })).toBe(
    'there is no x for 2 h',
  );
  expect(
    whenOf({ ...rule, rule_type: 'telemetry_gap', gap_conditions: { metric_name: 'x', gap_minutes: 9, min_expected_per_hour: 6 } }),
  ).toBe('there is no x for 9 min, or fewer than 6 values in an hour');
  expect(lasting(90)).toBe('90 s');
});

it('says where', () => {
  expect(whereOf(rule, names)).toBe('on all devices');
  expect(whereOf({ ...rule, site_ids: ['b'], group_ids: ['g'], device_type: 'logger' }, names)).toBe(
    'on devices of type logger, at Berlin, in Freezers',
  );
});

it('comes back from its fields as it was', () => {
  const back = ruleOf(draftOf({ ...rule, site_ids: ['b'], clear_threshold: 28 }));
  expect(back.conditions).toEqual([{ metric_name: 'temp_c', operator: 'GT', threshold: 30, duration_minutes: 5 }]);
  expect([back.site_ids, back.clear_threshold, back.severity]).toEqual([['b'], 28, 4]);
  const sensor = ruleOf(draftOf({ ...rule, sensor_type: 'probe' }));
  expect([sensor.conditions, sensor.sensor_type, sensor.threshold, sensor.duration_seconds]).toEqual([null, 'probe', 30, 300]);
});

it('keeps what it has no field for', () => {
  const gap: AlertRule = {
    ...rule,
    rule_type: 'telemetry_gap',
    duration_minutes: null,
    conditions: null,
    gap_conditions: { metric_name: 'x', gap_minutes: 20, min_expected_per_hour: 4 },
  };
  expect(ruleOf(draftOf(gap)).gap_conditions).toEqual(gap.gap_conditions);
  expect(ruleOf({ ...draftOf(gap), perHour: '' }).gap_conditions?.min_expected_per_hour).toBeNull();
  // Members of a later version of the API, at the rule and inside it.
  const later = { ...gap, colour: 'red', gap_conditions: { ...gap.gap_conditions!, of_days: [1] } } as AlertRule;
  const back = ruleOf(draftOf(later)) as unknown as Record<string, unknown>;
  expect([back.colour, (back.gap_conditions as Record<string, unknown>).of_days]).toEqual(['red', [1]]);
  for (const name of ['rule_id', 'open_alerts', 'created_at', 'updated_at']) expect(back).not.toHaveProperty(name);
  const condition = { metric_name: 'a', operator: 'LT' as const, threshold: 1, duration_seconds: 90, note: 'n' };
  const two = ruleOf(draftOf({ ...rule, conditions: [condition, { ...condition, metric_name: 'b' }] }));
  expect(two.conditions?.[1]).toEqual({ ...condition, metric_name: 'b' });
});

it('keeps the two kinds of groups apart, which narrow each other', () => {
  const both: AlertRule = { ...rule, group_ids: ['g', 'h'], device_group_id: 'k' };
  const back = ruleOf(draftOf(both));
  expect([back.group_ids, back.device_group_id]).toEqual([['g', 'h'], 'k']);
  const known = { ...names, groups: new Map([['g', 'Freezers'], ['h', 'Halls'], ['k', 'Berlin']]) };
  expect(whereOf(both, known)).toBe('on devices in Freezers or Halls, and in Berlin');
  expect(whereOf({ ...rule, device_group_id: 'k' }, known)).toBe('on devices in Berlin');
});

it('gives another value to be over at only where it has a meaning', () => {
  const one = draftOf({ ...rule, clear_threshold: 28 });
  expect(mayClearApart(one)).toBe(true);
  expect(ruleOf(one).clear_threshold).toBe(28);
  const two = { ...one, conditions: [...one.conditions, ...one.conditions] };
  expect([mayClearApart(two), ruleOf(two).clear_threshold]).toEqual([false, null]);
  const equal = { ...one, conditions: [{ ...one.conditions[0]!, operator: 'EQ' as const }] };
  expect([mayClearApart(equal), ruleOf(equal).clear_threshold]).toEqual([false, null]);
  // 31 is still above 30.
  expect(faultsOf({ ...one, clearThreshold: '31' }).clear).toMatch(/at most 30/);
  expect(faultsOf({ ...one, clearThreshold: '30' })).toEqual({});
  const below = { ...one, conditions: [{ ...one.conditions[0]!, operator: 'LT' as const }] };
  expect(faultsOf(below).clear).toMatch(/at least 30/);
});

it('is written for all sensors of a type', () => {
  const d = { ...draftOf({ ...rule, sensor_type: 'probe' }), sensor: { sensor_id: null, sensor_type: ' thermistor ' } };
  const back = ruleOf(d);
  expect([back.sensor_type, back.sensor_id, back.conditions, back.operator]).toEqual(['thermistor', null, null, 'GT']);
  expect(faultsOf({ ...d, sensor: { sensor_id: null, sensor_type: '' } }).when).toMatch(/type of the sensors/);
  // And for a metric again.
  const metric = ruleOf({ ...d, sensor: null });
  expect([metric.sensor_type, metric.conditions?.length]).toEqual([null, 1]);
});

it('tells what is missing', () => {
  expect(faultsOf(emptyDraft())).toEqual({ name: 'Give the rule a name.', when: 'Choose the metric.' });
  expect(faultsOf(draftOf(rule))).toEqual({});
  expect(faultsOf({ ...draftOf(rule), clearThreshold: 'x' })).toHaveProperty('clear');
});

it('draws thresholds on the metric and on those that become it', () => {
  expect(thresholdsOn([rule], 'temp_c', [])).toEqual([{ value: 30, label: 'Too warm', severity: 4 }]);
  const mapped = { raw_metric: 'temp_f', normalized_name: 'temp_c', multiplier: 0.5, offset_value: -10 };
  expect(thresholdsOn([rule], 'temp_f', [mapped]).map((t) => t.value)).toEqual([80]);
  expect(thresholdsOn([{ ...rule, enabled: false }], 'temp_c', [])).toEqual([]);
  const becomes = { raw_metric: 'temp_c', normalized_name: 'temperature', multiplier: 2, offset_value: 1 };
  expect(thresholdsOn([rule], 'temperature', [becomes]).map((t) => t.value)).toEqual([61]);
  expect(thresholdsOn([rule], 'humidity', [becomes, mapped])).toEqual([]);
});

it('draws thresholds of sensors on what they measure', () => {
  const probe = { sensor_id: 4, sensor_type: 'probe', metric_name: 'temp_p' };
  const other = { sensor_id: 5, sensor_type: 'hall', metric_name: 'field' };
  const byType = { ...rule, sensor_type: 'probe', metric_name: '', conditions: null };
  expect(thresholdsOn([byType], 'temp_p', [], [probe, other]).map((t) => t.value)).toEqual([30]);
  expect(thresholdsOn([byType], 'field', [], [probe, other])).toEqual([]);
  const byId = { ...byType, sensor_type: null, sensor_id: 5 };
  expect(thresholdsOn([byId], 'field', [], [probe, other]).map((t) => t.value)).toEqual([30]);
});

it('keeps the escalation policy, and none as the default', () => {
  expect(ruleOf(draftOf({ ...rule, escalation_policy_id: 7 })).escalation_policy_id).toBe(7);
  expect(ruleOf(draftOf(rule)).escalation_policy_id).toBeNull();
});
