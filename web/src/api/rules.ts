// Alert rules, what they would have done, and names of metrics: one function for each call.
import { answer, client } from './client';
import type { components } from './schema';

const base = '/api/v1/customer' as const;
type Schemas = components['schemas'];

export type Operator = 'GT' | 'GTE' | 'LT' | 'LTE' | 'EQ' | 'NE';
export type RuleType = 'threshold' | 'window' | 'anomaly' | 'telemetry_gap';

export interface RuleCondition {
  metric_name: string;
  operator: Operator;
  threshold: number;
  duration_minutes?: number | null;
  duration_seconds?: number | null;
}

/** A rule as it is made; what is left out takes its default. */
export interface RuleInput {
  name: string;
  rule_type: RuleType;
  description?: string | null;
  severity: number;
  enabled?: boolean;
  metric_name?: string | null;
  operator?: Operator | null;
  threshold?: number | null;
  duration_seconds?: number;
  duration_minutes?: number | null;
  conditions?: RuleCondition[] | null;
  match_mode?: 'all' | 'any';
  aggregation?: string | null;
  window_seconds?: number | null;
  anomaly_conditions?: {
    metric_name: string;
    window_minutes: number;
    z_threshold: number;
    min_samples: number;
    min_change?: number | null;
  } | null;
  gap_conditions?: {
    metric_name: string;
    gap_minutes: number;
    min_expected_per_hour?: number | null;
  } | null;
  site_ids?: string[] | null;
  group_ids?: string[] | null;
  device_group_id?: string | null;
  device_type?: string | null;
  sensor_id?: number | null;
  sensor_type?: string | null;
  clear_threshold?: number | null;
  clear_after_seconds?: number;
  escalation_policy_id?: number | null;
}

export interface AlertRule extends RuleInput {
  rule_id: string;
  enabled: boolean;
  metric_name: string;
  operator: Operator;
  threshold: number;
  duration_seconds: number;
  open_alerts: number;
  created_at: string;
  updated_at: string;
}

export type Preview = Schemas['AlertRulePreview'];
export type PreviewedDevice = Schemas['PreviewedDevice'];
export type RuleTemplate = Schemas['AlertRuleTemplate'];
export type ImportResult = Schemas['AlertRuleImportResult'];
export type MetricReference = Schemas['MetricReference'];
export type NormalizedMetric = Schemas['NormalizedMetric'];
export type MetricMapping = Schemas['MetricMappingRow'];
export type CatalogMetric = Schemas['CatalogMetric'];

const one = (rule_id: string) => ({ params: { path: { rule_id } } });

export const rulesApi = {
  list: () =>
    answer<{ rules: AlertRule[] }>(client.GET(`${base}/alert-rules`)).then((r) => r.rules),
  /** Those that are for a device. */
  of: (device_id: string) =>
    answer<{ rules: AlertRule[] }>(
      client.GET(`${base}/alert-rules`, { params: { query: { device_id } } }),
    ).then((r) => r.rules),
  one: (id: string) => answer<AlertRule>(client.GET(`${base}/alert-rules/{rule_id}`, one(id))),
  create: (body: RuleInput) =>
    answer<AlertRule>(client.POST(`${base}/alert-rules`, { body: body as never })),
  update: (id: string, body: Partial<RuleInput>) =>
    answer<AlertRule>(
      client.PATCH(`${base}/alert-rules/{rule_id}`, { ...one(id), body: body as never }),
    ),
  remove: (id: string) => answer<unknown>(client.DELETE(`${base}/alert-rules/{rule_id}`, one(id))),
  preview: (rule: RuleInput, days: number, signal?: AbortSignal) =>
    answer<Preview>(
      client.POST(`${base}/alert-rules/preview`, { body: { rule, days } as never, signal }),
    ),
  exportAll: () => answer<unknown>(client.GET(`${base}/alert-rules/export`)),
  importAll: (document: object, dry_run: boolean) =>
    answer<ImportResult>(
      client.POST(`${base}/alert-rules/import`, { body: { ...document, dry_run } as never }),
    ),
  templates: () =>
    answer<{ templates: RuleTemplate[] }>(client.GET(`${base}/alert-rule-templates`)).then(
      (r) => r.templates,
    ),
  apply: (template_ids: string[]) =>
    answer<Schemas['AppliedTemplates']>(
      client.POST(`${base}/alert-rule-templates/apply`, { body: { template_ids } }),
    ),
};

export const metricNames = {
  reference: () => answer<MetricReference>(client.GET(`${base}/metrics/reference`)),
  catalog: () =>
    answer<{ metrics: CatalogMetric[] }>(client.GET(`${base}/metrics/catalog`)).then(
      (r) => r.metrics,
    ),
  describe: (body: Schemas['MetricCatalogUpsert']) =>
    answer<unknown>(client.POST(`${base}/metrics/catalog`, { body })),
  forget: (metric_name: string) =>
    answer<unknown>(
      client.DELETE(`${base}/metrics/catalog/{metric_name}`, { params: { path: { metric_name } } }),
    ),
  normalized: () =>
    answer<{ metrics: NormalizedMetric[] }>(client.GET(`${base}/normalized-metrics`)).then(
      (r) => r.metrics,
    ),
  createNormalized: (body: Schemas['NormalizedMetricCreate']) =>
    answer<unknown>(client.POST(`${base}/normalized-metrics`, { body })),
  updateNormalized: (name: string, body: Schemas['NormalizedMetricUpdate']) =>
    answer<unknown>(
      client.PATCH(`${base}/normalized-metrics/{name}`, { params: { path: { name } }, body }),
    ),
  removeNormalized: (name: string) =>
    answer<unknown>(
      client.DELETE(`${base}/normalized-metrics/{name}`, { params: { path: { name } } }),
    ),
  mappings: () =>
    answer<{ mappings: MetricMapping[] }>(client.GET(`${base}/metric-mappings`)).then(
      (r) => r.mappings,
    ),
  map: (body: Schemas['MetricMappingCreate']) =>
    answer<unknown>(client.POST(`${base}/metric-mappings`, { body })),
  updateMapping: (raw_metric: string, body: Schemas['MetricMappingUpdate']) =>
    answer<unknown>(
      client.PATCH(`${base}/metric-mappings/{raw_metric}`, { params: { path: { raw_metric } }, body }),
    ),
  unmap: (raw_metric: string) =>
    answer<unknown>(
      client.DELETE(`${base}/metric-mappings/{raw_metric}`, { params: { path: { raw_metric } } }),
    ),
};
