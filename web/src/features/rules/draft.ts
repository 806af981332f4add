// A rule while it is written: what the fields hold, and the rule that they say.
import type { Operator, RuleInput, RuleType } from '@/api/rules';

export interface DraftCondition {
  metric: string;
  operator: Operator;
  threshold: string;
  minutes: string;
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
  sites: string[];
  groups: string[];
  deviceType: string;
  clearThreshold: string;
  clearAfter: string;
  /** The rule aims at a sensor, or at all of a type: it has one condition, without a metric. */
  sensor: { sensor_id: number | null; sensor_type: string | null } | null;
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
  sites: [],
  groups: [],
  deviceType: '',
  clearThreshold: '',
  clearAfter: '0',
  sensor: null,
});

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
    metric: r.metric_name ?? '',
    operator: r.operator ?? 'GT',
    threshold: r.rule_type === 'window' ? text(r.threshold) : '',
    aggregation: r.aggregation ?? 'avg',
    windowMinutes: r.window_seconds ? String(r.window_seconds / 60) : '5',
    deviations: text(r.anomaly_conditions?.z_threshold) || '3',
    samples: text(r.anomaly_conditions?.min_samples) || '10',
    minChange: text(r.anomaly_conditions?.min_change),
    gapMinutes: text(r.gap_conditions?.gap_minutes) || '10',
    ...(r.rule_type === 'anomaly'
      ? { windowMinutes: text(r.anomaly_conditions?.window_minutes) || '60' }
      : {}),
    sites: r.site_ids ?? [],
    groups: [...(r.group_ids ?? []), ...(r.device_group_id ? [r.device_group_id] : [])],
    deviceType: r.device_type ?? '',
    clearThreshold: text(r.clear_threshold),
    clearAfter: text(r.clear_after_seconds) || '0',
    sensor:
      r.sensor_id || r.sensor_type
        ? { sensor_id: r.sensor_id ?? null, sensor_type: r.sensor_type ?? null }
        : null,
  };
}

const filled = (s: string) => s.trim() !== '' && Number.isFinite(Number(s));
const optional = (s: string) => (s.trim() === '' ? null : Number(s));

/** What is missing yet, by field; empty: it can be saved. */
export function faultsOf(d: Draft): Record<string, string> {
  const out: Record<string, string> = {};
  const metric = (name: string) => name.trim() === '';
  if (d.name.trim() === '') out.name = 'Give the rule a name.';
  if (d.type === 'threshold') {
    if (!d.sensor && d.conditions.some((c) => metric(c.metric))) out.when = 'Choose the metric.';
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
  if (d.clearThreshold.trim() !== '' && !filled(d.clearThreshold))
    out.clear = 'Give the value as a number.';
  if (!(Number(d.clearAfter) >= 0)) out.clear = 'Give the seconds as a number.';
  return out;
}

const duration = (minutes: string) => {
  const seconds = Math.round(Number(minutes) * 60);
  if (!(seconds > 0)) return {};
  return seconds % 60 === 0 ? { duration_minutes: seconds / 60 } : { duration_seconds: seconds };
};

/** The rule that the fields say. Members of other types are cleared. */
export function ruleOf(d: Draft): RuleInput {
  const window = d.type === 'window';
  const values = d.type === 'threshold' || window;
  const sensor = d.type === 'threshold' ? d.sensor : null;
  const first = d.conditions[0] ?? newCondition();
  return {
    name: d.name.trim() || 'Preview',
    description: d.description.trim() || null,
    rule_type: d.type,
    severity: Number(d.severity),
    escalation_policy_id: optional(d.policy),
    enabled: d.enabled,
    match_mode: d.match,
    conditions:
      d.type === 'threshold' && !sensor
        ? d.conditions.map((c) => ({
            metric_name: c.metric.trim(),
            operator: c.operator,
            threshold: Number(c.threshold),
            ...duration(c.minutes),
          }))
        : null,
    metric_name: window ? d.metric.trim() : null,
    operator: window ? d.operator : sensor ? first.operator : null,
    threshold: window ? Number(d.threshold) : sensor ? Number(first.threshold) : null,
    duration_minutes: null,
    duration_seconds: sensor ? Math.round(Number(first.minutes) * 60) : 0,
    sensor_id: sensor?.sensor_id ?? null,
    sensor_type: sensor?.sensor_type ?? null,
    aggregation: window ? d.aggregation : null,
    window_seconds: window ? Math.round(Number(d.windowMinutes) * 60) : null,
    anomaly_conditions:
      d.type === 'anomaly'
        ? {
            metric_name: d.metric.trim(),
            window_minutes: Number(d.windowMinutes),
            z_threshold: Number(d.deviations),
            min_samples: Number(d.samples),
            min_change: optional(d.minChange),
          }
        : null,
    gap_conditions:
      d.type === 'telemetry_gap'
        ? { metric_name: d.metric.trim(), gap_minutes: Number(d.gapMinutes) }
        : null,
    site_ids: d.sites.length ? d.sites : null,
    group_ids: d.groups.length ? d.groups : null,
    device_group_id: null,
    device_type: d.deviceType.trim() || null,
    clear_threshold: values ? optional(d.clearThreshold) : null,
    clear_after_seconds: Number(d.clearAfter),
  };
}
