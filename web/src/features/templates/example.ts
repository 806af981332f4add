// An example message made of a template's metrics, and the words that say what is taken.
import type { MetricInput } from '@/api/templates';

type Value = number | boolean | string;

/** A value that fits: the middle of the range, the first word, true. */
export function exampleOf(m: MetricInput): Value {
  if (m.data_type === 'boolean') return true;
  if (m.data_type === 'string') return 'text';
  if (m.data_type === 'enum') return m.enum_values?.[0] ?? 'word';
  const low = m.min_value ?? (m.max_value === null ? 0 : Math.min(0, m.max_value));
  const high = m.max_value ?? Math.max(40, low + 40);
  const middle = (low + high) / 2;
  return m.data_type === 'integer' ? Math.round(middle) : Number(middle.toFixed(Math.min(6, m.precision_digits)));
}

/** The metrics of a message with every metric of the template. */
export const exampleMetrics = (metrics: readonly MetricInput[]): Record<string, Value> =>
  Object.fromEntries(metrics.filter((m) => m.metric_key).map((m) => [m.metric_key, exampleOf(m)]));

const types: Record<string, string> = {
  float: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  string: 'text',
  enum: 'one of',
};

/** "number, -40 to 85 °C": what a metric may be. */
export function taken(m: MetricInput): string {
  const type = types[m.data_type] ?? m.data_type;
  if (m.data_type === 'enum') return `${type} ${(m.enum_values ?? []).join(', ')}`;
  const unit = m.unit ? ` ${m.unit}` : '';
  if (m.min_value !== null && m.max_value !== null)
    return `${type}, ${m.min_value} to ${m.max_value}${unit}`;
  if (m.min_value !== null) return `${type}, at least ${m.min_value}${unit}`;
  if (m.max_value !== null) return `${type}, at most ${m.max_value}${unit}`;
  return m.unit ? `${type} in ${m.unit}` : type;
}

/** The metrics with one that is being edited put in: in its place, or at the end. */
export function withDraft<T extends MetricInput>(metrics: readonly T[], draft: MetricInput): MetricInput[] {
  const known = metrics.some((m) => m.metric_key === draft.metric_key);
  return known
    ? metrics.map((m) => (m.metric_key === draft.metric_key ? draft : m))
    : [...metrics, draft];
}
