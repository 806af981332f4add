// A rule in words, as people would say it.
import type { AlertRule, Operator, RuleInput } from '@/api/rules';
import { many } from '@/lib/numbers';

/** A number without digits that it does not have. */
export const plain = (n: number) => String(Number(n.toPrecision(6)));

export const operatorWords: Record<Operator, string> = {
  GT: 'is above',
  GTE: 'is at least',
  LT: 'is below',
  LTE: 'is at most',
  EQ: 'is',
  NE: 'is not',
};

export const aggregationWords: Record<string, string> = {
  avg: 'average',
  min: 'lowest value',
  max: 'highest value',
  sum: 'sum',
  count: 'number of values',
  p95: '95th percentile',
};

export const severities = [
  { value: '5', label: 'critical', word: 'critical' },
  { value: '4', label: 'warning, high (4)', word: 'warning' },
  { value: '3', label: 'warning (3)', word: 'warning' },
  { value: '2', label: 'info (2)', word: 'info' },
  { value: '1', label: 'info, low (1)', word: 'info' },
];
export const severityWord = (severity: number) =>
  severities.find((s) => s.value === String(severity))?.word ?? 'info';

/** 300 as "5 min", 90 as "90 s". */
export const lasting = (seconds: number) =>
  seconds % 3600 === 0 && seconds > 0
    ? `${seconds / 3600} h`
    : seconds % 60 === 0
      ? `${seconds / 60} min`
      : `${seconds} s`;

const held = (minutes: number | null | undefined, seconds: number | null | undefined) => {
  const s = minutes ? minutes * 60 : (seconds ?? 0);
  return s > 0 ? ` for ${lasting(s)}` : '';
};

/** "temp_c is above 30 for 5 min" */
export function whenOf(rule: RuleInput): string {
  if (rule.rule_type === 'anomaly' && rule.anomaly_conditions) {
    const a = rule.anomaly_conditions;
    return `${a.metric_name} is more than ${plain(a.z_threshold)} standard deviations away from the last ${lasting(a.window_minutes * 60)}`;
  }
  if (rule.rule_type === 'telemetry_gap' && rule.gap_conditions) {
    const g = rule.gap_conditions;
    const few = g.min_expected_per_hour ? `, or fewer than ${many(g.min_expected_per_hour, 'value')} in an hour` : '';
    return `there is no ${g.metric_name} for ${lasting(g.gap_minutes * 60)}${few}`;
  }
  const flat = (metric: string) =>
    `${metric} ${operatorWords[rule.operator ?? 'GT']} ${plain(rule.threshold ?? 0)}`;
  if (rule.rule_type === 'window')
    return flat(
      `the ${aggregationWords[rule.aggregation ?? 'avg'] ?? rule.aggregation} of ${rule.metric_name} over ${lasting(rule.window_seconds ?? 0)}`,
    );
  const list = rule.conditions ?? [];
  if (list.length > 0)
    return list
      .map(
        (c) =>
          `${c.metric_name} ${operatorWords[c.operator]} ${plain(c.threshold)}${held(
            c.duration_minutes ?? rule.duration_minutes,
            c.duration_seconds ?? rule.duration_seconds,
          )}`,
      )
      .join(rule.match_mode === 'any' ? ' or ' : ' and ');
  const subject = rule.sensor_type
    ? `a sensor of type ${rule.sensor_type}`
    : rule.metric_name || 'the sensor';
  return flat(subject) + held(rule.duration_minutes, rule.duration_seconds);
}

export interface PlaceNames {
  sites: ReadonlyMap<string, string>;
  groups: ReadonlyMap<string, string>;
}

/** "at Berlin, in Freezers" or "on all devices". */
export function whereOf(rule: RuleInput, names: PlaceNames): string {
  const parts: string[] = [];
  const listed = (ids: readonly string[], known: ReadonlyMap<string, string>, more: string) =>
    ids.length > 2 ? `any of ${many(ids.length, more)}` : ids.map((id) => known.get(id) ?? id).join(' or ');
  if (rule.device_type) parts.push(`of type ${rule.device_type}`);
  if (rule.site_ids?.length) parts.push(`at ${listed(rule.site_ids, names.sites, 'site')}`);
  if (rule.group_ids?.length) parts.push(`in ${listed(rule.group_ids, names.groups, 'group')}`);
  // Of both kinds a device must be: the second narrows the first.
  if (rule.device_group_id)
    parts.push(`${rule.group_ids?.length ? 'and ' : ''}in ${listed([rule.device_group_id], names.groups, 'group')}`);
  return parts.length ? `on devices ${parts.join(', ')}` : 'on all devices';
}

interface Mapping {
  raw_metric: string;
  normalized_name: string;
  multiplier: number;
  offset_value: number;
}

/** What a device's sensor measures, and what kind of sensor it is. */
interface Sensor {
  sensor_id: number;
  sensor_type: string;
  metric_name: string;
}

/** A value of one metric on the chart of another that it becomes, or that becomes it; null: neither. */
function valueOn(metric: string, of: string, value: number, mappings: readonly Mapping[]): number | null {
  if (metric === of) return value;
  const from = mappings.find((m) => m.raw_metric === metric && m.normalized_name === of);
  if (from) return from.multiplier === 0 ? null : (value - from.offset_value) / from.multiplier;
  const to = mappings.find((m) => m.raw_metric === of && m.normalized_name === metric);
  return to ? value * to.multiplier + to.offset_value : null;
}

/** The thresholds that rules draw on a chart of this metric: by its name, by those that it becomes and that
 *  become it, and by the device's sensors. */
export function thresholdsOn(
  rules: readonly AlertRule[],
  metric: string,
  mappings: readonly Mapping[],
  sensors: readonly Sensor[] = [],
): { value: number; label: string; severity: number }[] {
  const out: { value: number; label: string; severity: number }[] = [];
  const add = (name: string, threshold: number, rule: AlertRule) => {
    const value = valueOn(metric, name, threshold, mappings);
    if (value !== null) out.push({ value, label: rule.name, severity: rule.severity });
  };
  for (const rule of rules) {
    if (!rule.enabled || rule.rule_type === 'anomaly' || rule.rule_type === 'telemetry_gap') continue;
    // What is counted or summed is no value of the metric.
    if (rule.rule_type === 'window' && ['sum', 'count'].includes(rule.aggregation ?? '')) continue;
    if (rule.sensor_id || rule.sensor_type) {
      const meant = sensors.filter((s) =>
        rule.sensor_id ? s.sensor_id === rule.sensor_id : s.sensor_type === rule.sensor_type,
      );
      for (const name of new Set(meant.map((s) => s.metric_name))) add(name, rule.threshold, rule);
    } else if (rule.conditions?.length)
      for (const c of rule.conditions) add(c.metric_name, c.threshold, rule);
    else add(rule.metric_name, rule.threshold, rule);
  }
  return out;
}
