// Device templates: what the endpoints take and answer, one function each.
import { answer, client } from './client';
import type { Template } from './types';

const base = '/api/v1/customer/templates' as const;

export type DataType = 'float' | 'integer' | 'boolean' | 'string' | 'enum';

export interface MetricInput {
  metric_key: string;
  display_name: string;
  data_type: DataType;
  unit: string | null;
  min_value: number | null;
  max_value: number | null;
  precision_digits: number;
  is_required: boolean;
  description: string | null;
  enum_values: string[] | null;
  sort_order: number;
}
export interface CommandInput {
  command_key: string;
  display_name: string;
  description: string | null;
  parameters_schema: Record<string, unknown> | null;
  response_schema: Record<string, unknown> | null;
  sort_order: number;
}
export interface SlotInput {
  slot_key: string;
  display_name: string;
  slot_type: string;
  interface_type: string;
  max_devices: number | null;
  compatible_templates: number[] | null;
  is_required: boolean;
  description: string | null;
  sort_order: number;
}
export type TemplateMetric = MetricInput & { id: number; template_id: number };
export type TemplateCommand = CommandInput & { id: number; template_id: number };
export type TemplateSlot = SlotInput & { id: number; template_id: number };

export interface TemplateDetail extends Template {
  firmware_version_pattern: string | null;
  image_url: string | null;
  heartbeat_stale_seconds: number | null;
  version: number;
  updated_at: string;
  device_count: number;
  metrics: TemplateMetric[];
  commands: TemplateCommand[];
  slots: TemplateSlot[];
}

export interface TemplateInput {
  name: string;
  slug: string;
  category: string;
  description: string | null;
  manufacturer: string | null;
  model: string | null;
  heartbeat_stale_seconds: number | null;
}

/** A template as a file, and as a version. */
export type TemplateDocument = Record<string, unknown>;

export interface TemplateVersion {
  version: number;
  changed_by: string | null;
  changed_at: string;
  document: TemplateDocument;
}

/** The parts of a template, by the word of their path. */
export interface PartInputs {
  metrics: MetricInput;
  commands: CommandInput;
  slots: SlotInput;
}
export type PartKind = keyof PartInputs;

const of = (template_id: number) => ({ params: { path: { template_id } } });

/** Adds a part, or changes the one with this id. */
function savePart<K extends PartKind>(
  kind: K,
  template_id: number,
  id: number | null,
  input: PartInputs[K],
): Promise<unknown> {
  const body = input as never;
  switch (kind) {
    case 'metrics':
      return id === null
        ? answer(client.POST(`${base}/{template_id}/metrics`, { ...of(template_id), body }))
        : answer(
            client.PUT(`${base}/{template_id}/metrics/{metric_id}`, {
              params: { path: { template_id, metric_id: id } },
              body,
            }),
          );
    case 'commands':
      return id === null
        ? answer(client.POST(`${base}/{template_id}/commands`, { ...of(template_id), body }))
        : answer(
            client.PUT(`${base}/{template_id}/commands/{command_id}`, {
              params: { path: { template_id, command_id: id } },
              body,
            }),
          );
    default:
      return id === null
        ? answer(client.POST(`${base}/{template_id}/slots`, { ...of(template_id), body }))
        : answer(
            client.PUT(`${base}/{template_id}/slots/{slot_id}`, {
              params: { path: { template_id, slot_id: id } },
              body,
            }),
          );
  }
}

function deletePart(kind: PartKind, template_id: number, id: number): Promise<unknown> {
  switch (kind) {
    case 'metrics':
      return answer(
        client.DELETE(`${base}/{template_id}/metrics/{metric_id}`, {
          params: { path: { template_id, metric_id: id } },
        }),
      );
    case 'commands':
      return answer(
        client.DELETE(`${base}/{template_id}/commands/{command_id}`, {
          params: { path: { template_id, command_id: id } },
        }),
      );
    default:
      return answer(
        client.DELETE(`${base}/{template_id}/slots/{slot_id}`, {
          params: { path: { template_id, slot_id: id } },
        }),
      );
  }
}

export const templates = {
  detail: (id: number) => answer<TemplateDetail>(client.GET(`${base}/{template_id}`, of(id))),
  update: (id: number, body: Partial<TemplateInput>) =>
    answer<TemplateDetail>(client.PUT(`${base}/{template_id}`, { ...of(id), body: body as never })),
  remove: (id: number) => answer<unknown>(client.DELETE(`${base}/{template_id}`, of(id))),
  savePart,
  deletePart,
  document: (id: number) =>
    answer<TemplateDocument>(client.GET(`${base}/{template_id}/export`, of(id))),
  importDocument: (body: TemplateDocument) =>
    answer<TemplateDetail>(client.POST(`${base}/import`, { body: body as never })),
  versions: (id: number) =>
    answer<{ versions: TemplateVersion[] }>(
      client.GET(`${base}/{template_id}/versions`, of(id)),
    ).then((r) => r.versions),
  restore: (template_id: number, version: number) =>
    answer<TemplateDetail>(
      client.POST(`${base}/{template_id}/versions/{version}/restore`, {
        params: { path: { template_id, version } },
      }),
    ),
};
