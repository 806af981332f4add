// A rule while it is written: what the fields hold, and the rule that they say.
import type { Operator, RuleCondition, RuleInput, RuleType } from '@/api/rules';

export interface DraftCondition {
  metric: string;
  operator: Operator;
  threshold: string;
  minutes: string;
  /** As it came: members that no field is for stay. */
  kept?: RuleCondition;
}

export interface Draft {
  name: string;
  description: string;
  type: RuleType;
  severity: string;
  /** Id of the escalation policy; empty: the default one. */
  policy: string;
  enabled: boolean;
  conditions: DraftCondition[];
  match: 'all' | 'any';
  metric: string;
  operator: Operator;
  threshold: string;
  aggregation: string;
  windowMinutes: string;
  deviations: string;
  samples: string;
  minChange: string;
  gapMinutes: string;
  /** Fewer values in an hour than these are a gap, too; empty: that is not looked at. */
  perHour: string;
  sites: string[];
  /** Member of any of them. */
  groups: string[];
  /** And of this one; empty: none. */
  deviceGroup: string;
  deviceType: string;
  clearThreshold: string;
  clearAfter: string;
  /** The rule aims at a sensor, or at all of a type: it has one condition, without a metric. */
  sensor: { sensor_id: number | null; sensor_type: string } | null;
  /** The rule as it came: members that no field is for stay as they were. */
  kept: Partial<RuleInput>;
}

export const newCondition = (): DraftCondition => ({
  metric: '',
  operator: 'GT',
  threshold: '',
  minutes: '',
});

export const emptyDraft = (): Draft => ({
  name: '',
  description: '',
  type: 'threshold',
  severity: '3',
  policy: '',
  enabled: true,
  conditions: [newCondition()],
  match: 'all',
  metric: '',
  operator: 'GT',
  threshold: '',
  aggregation: 'avg',
  windowMinutes: '5',
  deviations: '3',
  samples: '10',
  minChange: '',
  gapMinutes: '10',
  perHour: '',
  sites: [],
  groups: [],
  deviceGroup: '',
  deviceType: '',
  clearThreshold: '',
  clearAfter: '0',
  sensor: null,
  kept: {},
});

/** Members of an answer that nobody sends. */
const answered = ['rule_id', 'tenant_id', 'open_alerts', 'created_at', 'updated_at'];
const writable = (r: RuleInput): Partial<RuleInput> =>
  Object.fromEntries(Object.entries(r).filter(([name]) => !answered.includes(name)));

const text = (n: number | null | undefined) => (n === null || n === undefined ? '' : String(n));
const minutesOf = (minutes: number | null | undefined, seconds: number | null | undefined) =>
  minutes ? String(minutes) : seconds ? String(seconds / 60) : '';

export function draftOf(r: RuleInput): Draft {
  const list = r.conditions?.length
    ? r.conditions.map((c) => ({
        metric: c.metric_name,
        operator: c.operator,
        threshold: text(c.threshold),
        minutes:
          minutesOf(c.duration_minutes, c.duration_seconds) ||
          minutesOf(r.duration_minutes, r.duration_seconds),
        kept: c,
      }))
    : [
        {
          metric: r.metric_name ?? '',
          operator: r.operator ?? 'GT',
          threshold: text(r.threshold),
          minutes: minutesOf(r.duration_minutes, r.duration_seconds),
        },
      ];
  return {
    ...emptyDraft(),
    name: r.name,
    description: r.description ?? '',
    type: r.rule_type,
    severity: String(r.severity),
    policy: text(r.escalation_policy_id),
    enabled: r.enabled ?? true,
    conditions: r.rule_type === 'threshold' ? list : [newCondition()],
    match: r.match_mode ?? 'all',
    metric: (r.gap_conditions ?? r.anomaly_conditions)?.metric_name ?? r.metric_name ?? '',
    operator: r.operator ?? 'GT',
    threshold: r.rule_type === 'window' ? text(r.threshold) : '',
    aggregation: r.aggregation ?? 'avg',
    windowMinutes: r.window_seconds ? String(r.window_seconds / 60) : '5',
    deviations: text(r.anomaly_conditions?.z_threshold) || '3',
    samples: text(r.anomaly_conditions?.min_samples) || '10',
    minChange: text(r.anomaly_conditions?.min_change),
    gapMinutes: text(r.gap_conditions?.gap_minutes) || '10',
    perHour: text(r.gap_conditions?.min_expected_per_hour),
    ...(r.rule_type === 'anomaly'
      ? { windowMinutes: text(r.anomaly_conditions?.window_minutes) || '60' }
      : {}),
    sites: r.site_ids ?? [],
    groups: r.group_ids ?? [],
    deviceGroup: r.device_group_id ?? '',
    deviceType: r.device_type ?? '',
    clearThreshold: text(r.clear_threshold),
    clearAfter: text(r.clear_after_seconds) || '0',
    sensor:
      r.sensor_id || r.sensor_type
        ? { sensor_id: r.sensor_id ?? null, sensor_type: r.sensor_type ?? '' }
        : null,
    kept: writable(r),
  };
}

const filled = (s: string) => s.trim() !== '' && Number.isFinite(Number(s));
const optional = (s: string) => (s.trim() === '' ? null : Number(s));

/** The comparison that decides alone; null where there are several, or none. */
function onlyComparison(d: Draft): { operator: Operator; threshold: string } | null {
  if (d.type === 'window') return d;
  return d.type === 'threshold' && d.conditions.length === 1 ? d.conditions[0]! : null;
}

/** Whether it may be over at another value than it begins at: with one comparison that has a side. */
export function mayClearApart(d: Draft): boolean {
  const one = onlyComparison(d);
  return one !== null && one.operator !== 'EQ' && one.operator !== 'NE';
}

function clearFault(d: Draft): string | undefined {
  const one = onlyComparison(d);
  if (one === null || !mayClearApart(d) || d.clearThreshold.trim() === '') return undefined;
  if (!filled(d.clearThreshold)) return 'Give the value as a number.';
  if (!filled(one.threshold)) return undefined;
  const above = one.operator === 'GT' || one.operator === 'GTE';
  const apart = Number(d.clearThreshold) - Number(one.threshold);
  if (above ? apart > 0 : apart < 0)
    return `It can't be over while it still holds: give ${above ? 'at most' : 'at least'} ${one.threshold.trim()}.`;
  return undefined;
}

/** What is missing yet, by field; empty: it can be saved. */
export function faultsOf(d: Draft): Record<string, string> {
  const out: Record<string, string> = {};
  const metric = (name: string) => name.trim() === '';
  if (d.name.trim() === '') out.name = 'Give the rule a name.';
  if (d.type === 'threshold') {
    if (d.sensor && d.sensor.sensor_id === null && d.sensor.sensor_type.trim() === '')
      out.when = 'Give the type of the sensors.';
    else if (!d.sensor && d.conditions.some((c) => metric(c.metric))) out.when = 'Choose the metric.';
    else if (d.conditions.some((c) => !filled(c.threshold))) out.when = 'Give the value as a number.';
    else if (d.conditions.some((c) => c.minutes.trim() !== '' && !(Number(c.minutes) >= 0)))
      out.when = 'Give the minutes as a number.';
  } else if (metric(d.metric)) out.when = 'Choose the metric.';
  if (d.type === 'window') {
    if (!filled(d.threshold)) out.when ??= 'Give the value as a number.';
    const minutes = Number(d.windowMinutes);
    if (!(minutes >= 1 && minutes <= 60)) out.when ??= 'A window has 1 to 60 minutes.';
  }
  if (d.type === 'anomaly') {
    const minutes = Number(d.windowMinutes);
    if (!(minutes >= 5 && minutes <= 1440)) out.when ??= 'Compare with 5 to 1440 minutes.';
    if (!(Number(d.deviations) >= 1 && Number(d.deviations) <= 10))
      out.when ??= 'Give 1 to 10 standard deviations.';
  }
  if (d.type === 'telemetry_gap' && !(Number(d.gapMinutes) >= 1 && Number(d.gapMinutes) <= 1440))
    out.when ??= 'Give 1 to 1440 minutes.';
  const perHour = d.perHour.trim();
  if (d.type === 'telemetry_gap' && perHour !== '' && !(Number.isInteger(Number(perHour)) && Number(perHour) >= 1))
    out.when ??= 'Give the values in an hour as a whole number, or leave them out.';
  const clear = clearFault(d);
  if (clear) out.clear = clear;
  if (!(Number(d.clearAfter) >= 0)) out.clear = 'Give the seconds as a number.';
  return out;
}

const duration = (minutes: string) => {
  const seconds = Math.round(Number(minutes) * 60);
  if (!(seconds > 0)) return {};
  return seconds % 60 === 0 ? { duration_minutes: seconds / 60 } : { duration_seconds: seconds };
};

/** The rule that the fields say. Members of other types are cleared; those that no field is for stay. */
export function ruleOf(d: Draft): RuleInput {
  const window = d.type === 'window';
  const threshold = d.type === 'threshold';
  const sensor = threshold ? d.sensor : null;
  const first = d.conditions[0] ?? newCondition();
  const same = d.kept.rule_type === d.type;
  return {
    ...d.kept,
    name: d.name.trim() || 'Preview',
    description: d.description.trim() || null,
    rule_type: d.type,
    severity: Number(d.severity),
    escalation_policy_id: optional(d.policy),
    enabled: d.enabled,
    match_mode: d.match,
    conditions:
      threshold && !sensor
        ? d.conditions.map((c) => {
            const { duration_minutes: _m, duration_seconds: _s, ...kept } = c.kept ?? {};
            return {
              ...kept,
              metric_name: c.metric.trim(),
              operator: c.operator,
              threshold: Number(c.threshold),
              ...duration(c.minutes),
            };
          })
        : null,
    metric_name: window ? d.metric.trim() : null,
    operator: window ? d.operator : sensor ? first.operator : null,
    threshold: window ? Number(d.threshold) : sensor ? Number(first.threshold) : null,
    // Durations stand at the conditions, but of a sensor's rule, which has none.
    duration_minutes: !threshold && same ? (d.kept.duration_minutes ?? null) : null,
    duration_seconds: sensor
      ? Math.round(Number(first.minutes) * 60)
      : !threshold && same
        ? (d.kept.duration_seconds ?? 0)
        : 0,
    sensor_id: sensor?.sensor_id ?? null,
    sensor_type: sensor?.sensor_type.trim() || null,
    aggregation: window ? d.aggregation : null,
    window_seconds: window ? Math.round(Number(d.windowMinutes) * 60) : null,
    anomaly_conditions:
      d.type === 'anomaly'
        ? {
            ...d.kept.anomaly_conditions,
            metric_name: d.metric.trim(),
            window_minutes: Number(d.windowMinutes),
            z_threshold: Number(d.deviations),
            min_samples: Number(d.samples),
            min_change: optional(d.minChange),
          }
        : null,
    gap_conditions:
      d.type === 'telemetry_gap'
        ? {
            ...d.kept.gap_conditions,
            metric_name: d.metric.trim(),
            gap_minutes: Number(d.gapMinutes),
            min_expected_per_hour: optional(d.perHour),
          }
        : null,
    site_ids: d.sites.length ? d.sites : null,
    group_ids: d.groups.length ? d.groups : null,
    device_group_id: d.deviceGroup || null,
    device_type: d.deviceType.trim() || null,
    clear_threshold: mayClearApart(d) ? optional(d.clearThreshold) : null,
    clear_after_seconds: Number(d.clearAfter),
  };
}
