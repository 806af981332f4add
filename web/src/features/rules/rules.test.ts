import { expect, it } from 'vitest';
import type { AlertRule } from '@/api/rules';
import { draftOf, emptyDraft, faultsOf, ruleOf } from './draft';
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
});

it('keeps the escalation policy, and none as the default', () => {
  expect(ruleOf(draftOf({ ...rule, escalation_policy_id: 7 })).escalation_policy_id).toBe(7);
  expect(ruleOf(draftOf(rule)).escalation_policy_id).toBeNull();
});
