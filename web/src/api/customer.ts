// The customer endpoints that the pages use, one function each.
import { withQuery, type QueryValues } from './call-path';
import { answer, client } from './client';
import type { components } from './schema';
import type * as T from './types';

const base = '/api/v1/customer' as const;

export interface DeviceFilter {
  q?: string;
  status?: T.Status;
  tags?: string;
  site_id?: string;
  template_id?: number;
  /** Only those out of service; without it only those in service. */
  decommissioned?: boolean;
  sort?: string;
  /** The page after this one, in the default order. */
  cursor?: string;
}

export type DevicePositions = components['schemas']['DevicePositions'];

export interface DeviceInput {
  device_id: string;
  name?: string | null;
  site_id?: string | null;
  template_id?: number | null;
}

/** Members that a person may change; null clears. */
export type DevicePatch = Partial<
  Pick<
    T.Device,
    | 'name'
    | 'site_id'
    | 'address'
    | 'latitude'
    | 'longitude'
    | 'model'
    | 'manufacturer'
    | 'serial_number'
    | 'mac_address'
    | 'hw_revision'
    | 'fw_version'
    | 'notes'
    | 'template_id'
    | 'tags'
  >
>;

const device = (device_id: string) => ({ params: { path: { device_id } } });

export const api = {
  devices: (filter: DeviceFilter, limit: number, offset: number, signal?: AbortSignal) =>
    answer<T.DeviceList>(
      client.GET(`${base}/devices`, { params: { query: { ...filter, limit, offset } }, signal }),
    ),
  /** Where devices are, as columns; the page after the device `after`. */
  positions: (filter: DeviceFilter, limit: number, after?: string, signal?: AbortSignal) =>
    answer<DevicePositions>(
      client.GET(`${base}/fleet/positions`, { params: { query: { ...filter, limit, after } }, signal }),
    ),
  summary: () => answer<T.FleetSummary>(client.GET(`${base}/devices/summary`)),
  device: (id: string) =>
    answer<{ device: T.Device }>(client.GET(`${base}/devices/{device_id}`, device(id))).then(
      (r) => r.device,
    ),
  createDevice: (body: DeviceInput) =>
    answer<{ device_id: string }>(client.POST(`${base}/devices`, { body })),
  updateDevice: (id: string, body: DevicePatch) =>
    answer<{ device: T.Device }>(
      client.PATCH(`${base}/devices/{device_id}`, { ...device(id), body }),
    ).then((r) => r.device),
  decommission: (id: string) =>
    answer<unknown>(client.PATCH(`${base}/devices/{device_id}/decommission`, device(id))),
  restore: (id: string) =>
    answer<unknown>(client.PATCH(`${base}/devices/{device_id}/restore`, device(id))),

  tokens: (id: string) =>
    answer<{ tokens: T.Token[] }>(
      client.GET(`${base}/devices/{device_id}/tokens`, device(id)),
    ).then((r) => r.tokens),
  rotateToken: (device_id: string, label: string, grace_hours: number) =>
    answer<T.Credentials>(
      client.POST(`${base}/devices/{device_id}/tokens/rotate`, {
        params: { path: { device_id }, query: grace_hours > 0 ? { grace_hours } : {} },
        body: { label },
      }),
    ),
  revokeToken: (device_id: string, token_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/devices/{device_id}/tokens/{token_id}`, {
        params: { path: { device_id, token_id } },
      }),
    ),

  addTag: (device_id: string, tag: string) =>
    answer<unknown>(
      client.POST(`${base}/devices/{device_id}/tags/{tag}`, { params: { path: { device_id, tag } } }),
    ),
  tags: () => answer<{ tags: string[] }>(client.GET(`${base}/tags`)).then((r) => r.tags),

  latest: (device_id: string) =>
    answer<{ telemetry: T.TelemetryRow[] }>(
      client.GET(`${base}/devices/{device_id}/telemetry/latest`, {
        params: { path: { device_id }, query: { count: 1 } },
      }),
    ).then((r) => r.telemetry[0] ?? null),
  metrics: (id: string) =>
    answer<{ metrics: T.MetricInfo[] }>(
      client.GET(`${base}/devices/{device_id}/telemetry/metrics`, device(id)),
    ).then((r) => r.metrics),
  history: (
    device_id: string,
    query: { metric: string[]; range?: string; start?: string; end?: string; points?: number },
    signal?: AbortSignal,
  ) =>
    answer<T.History>(
      client.GET(`${base}/devices/{device_id}/telemetry/history`, {
        params: { path: { device_id }, query },
        signal,
      }),
    ),
  messages: (device_id: string, limit: number, before?: string) =>
    answer<T.MessagePage>(
      client.GET(`${base}/devices/{device_id}/messages`, {
        params: { path: { device_id }, query: before === undefined ? { limit } : { limit, before } },
      }),
    ),

  sites: () => answer<{ sites: T.Site[] }>(client.GET(`${base}/sites`)).then((r) => r.sites),
  createSite: (body: T.SiteInput) => answer<unknown>(client.POST(`${base}/sites`, { body })),
  updateSite: (site_id: string, body: Partial<T.SiteInput>) =>
    answer<unknown>(
      client.PATCH(`${base}/sites/{site_id}`, { params: { path: { site_id } }, body }),
    ),
  deleteSite: (site_id: string) =>
    answer<unknown>(client.DELETE(`${base}/sites/{site_id}`, { params: { path: { site_id } } })),

  templates: (source?: 'system' | 'tenant') =>
    answer<{ templates: T.Template[] }>(
      client.GET(`${base}/templates`, { params: { query: source ? { source } : {} } }),
    ).then((r) => r.templates),
  cloneTemplate: (template_id: number) =>
    answer<T.Template>(
      client.POST(`${base}/templates/{template_id}/clone`, { params: { path: { template_id } } }),
    ),
  createTemplate: (body: {
    name: string;
    slug: string;
    category: string;
    description?: string | null;
    manufacturer?: string | null;
    model?: string | null;
  }) => answer<T.Template>(client.POST(`${base}/templates`, { body: body as never })),

  gettingStarted: () => answer<T.GettingStarted>(client.GET(`${base}/getting-started`)),
  connectionInfo: () => answer<T.ConnectionInfo>(client.GET(`${base}/connection-info`)),
};

/** Path and query of a question to the API, for people who ask it themselves. */
export const callPath = (path: string, query?: QueryValues): string =>
  withQuery(`${base}${path}`, query);
