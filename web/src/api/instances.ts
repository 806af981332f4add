// What a device has as an instance of its template: modules, sensors, transports, health, plan.
import { answer, client } from './client';

const base = '/api/v1/customer/devices/{device_id}' as const;

export interface DeviceModule {
  id: number;
  slot_key: string;
  bus_address: string | null;
  module_template: { id: number; name: string; slug: string } | null;
  label: string;
  serial_number: string | null;
  metric_key_map: Record<string, string>;
  status: 'active' | 'inactive' | 'removed';
  installed_at: string;
}
export interface ModuleInput {
  slot_key: string;
  bus_address: string | null;
  module_template_id: number | null;
  label: string;
  serial_number: string | null;
  metric_key_map: Record<string, string>;
}

export interface DeviceSensor {
  id: number;
  metric_key: string;
  display_name: string;
  source: 'required' | 'optional' | 'unmodeled';
  template_metric: { id: number; metric_key: string; display_name: string } | null;
  module: { id: number; label: string } | null;
  unit: string | null;
  min_range: number | null;
  max_range: number | null;
  precision_digits: number;
  status: string;
  last_value: number | null;
  last_value_text: string | null;
  last_seen_at: string | null;
}
export interface SensorInput {
  metric_key: string;
  display_name: string;
  unit: string | null;
  min_range: number | null;
  max_range: number | null;
  precision_digits: number;
  template_metric_id?: number | null;
  device_module_id?: number | null;
}
export interface SensorList {
  sensors: DeviceSensor[];
  total: number;
  sensor_limit: number;
}

export interface FleetSensor {
  sensor_id: number;
  device_id: string;
  metric_name: string;
  sensor_type: string;
  label: string | null;
  unit: string | null;
  min_range: number | null;
  max_range: number | null;
  precision_digits: number;
  status: string;
  auto_discovered: boolean;
  last_value: number | null;
  last_seen_at: string | null;
  created_at: string;
}

export const protocols = ['mqtt_direct', 'http_api', 'lorawan', 'gateway_proxy', 'modbus_rtu'] as const;
export const connectivities = ['cellular', 'ethernet', 'wifi', 'satellite', 'lora', 'other'] as const;
export const transportStatuses = ['active', 'inactive', 'failover'] as const;

export interface DeviceTransport {
  id: number;
  ingestion_protocol: (typeof protocols)[number];
  physical_connectivity: (typeof connectivities)[number] | null;
  protocol_config: Record<string, unknown>;
  connectivity_config: Record<string, unknown>;
  is_primary: boolean;
  status: (typeof transportStatuses)[number];
  last_connected_at: string | null;
}
export type TransportInput = Pick<
  DeviceTransport,
  | 'ingestion_protocol'
  | 'physical_connectivity'
  | 'protocol_config'
  | 'connectivity_config'
  | 'is_primary'
  | 'status'
>;

export interface HealthReading {
  time: string;
  rssi: number | null;
  rsrp: number | null;
  sinr: number | null;
  signal_quality: number | null;
  network_type: string | null;
  battery_pct: number | null;
  battery_voltage: number | null;
  power_source: string | null;
  charging: boolean | null;
  cpu_temp_c: number | null;
  memory_used_pct: number | null;
  storage_used_pct: number | null;
  uptime_seconds: number | null;
  reboot_count: number | null;
  error_count: number | null;
}
export interface DeviceHealth {
  range: string;
  data_points: HealthReading[];
  total: number;
  latest: HealthReading | null;
}
export interface DeviceUptime {
  uptime_pct: number;
  offline_seconds: number;
  range_seconds: number;
  status: string;
}
export interface ConnectionEvent {
  id: string;
  event_type: string;
  timestamp: string;
  details: unknown;
}

const of = (device_id: string) => ({ params: { path: { device_id } } });

export const instances = {
  modules: (id: string) =>
    answer<{ modules: DeviceModule[] }>(client.GET(`${base}/modules`, of(id))).then((r) => r.modules),
  install: (id: string, body: ModuleInput) =>
    answer<DeviceModule>(client.POST(`${base}/modules`, { ...of(id), body })),
  changeModule: (
    device_id: string,
    module_id: number,
    body: Pick<ModuleInput, 'label' | 'serial_number' | 'metric_key_map'>,
  ) =>
    answer<DeviceModule>(
      client.PUT(`${base}/modules/{module_id}`, { params: { path: { device_id, module_id } }, body }),
    ),
  removeModule: (device_id: string, module_id: number) =>
    answer<unknown>(
      client.DELETE(`${base}/modules/{module_id}`, { params: { path: { device_id, module_id } } }),
    ),

  sensors: (id: string) => answer<SensorList>(client.GET(`${base}/sensors`, of(id))),
  addSensor: (id: string, body: SensorInput) =>
    answer<DeviceSensor>(client.POST(`${base}/sensors`, { ...of(id), body })),
  changeSensor: (
    device_id: string,
    sensor_id: number,
    body: Partial<Omit<SensorInput, 'metric_key'>> & { status?: 'active' | 'inactive' },
  ) =>
    answer<DeviceSensor>(
      client.PUT(`${base}/sensors/{sensor_id}`, { params: { path: { device_id, sensor_id } }, body }),
    ),
  deleteSensor: (device_id: string, sensor_id: number) =>
    answer<unknown>(
      client.DELETE(`${base}/sensors/{sensor_id}`, { params: { path: { device_id, sensor_id } } }),
    ),
  fleetSensors: (
    query: { sensor_type?: string; status?: string; device_id?: string },
    limit: number,
    offset: number,
    signal?: AbortSignal,
  ) =>
    answer<{ sensors: FleetSensor[]; total: number }>(
      client.GET('/api/v1/customer/sensors', { params: { query: { ...query, limit, offset } }, signal }),
    ),

  transports: (id: string) =>
    answer<{ transports: DeviceTransport[] }>(client.GET(`${base}/transports`, of(id))).then(
      (r) => r.transports,
    ),
  addTransport: (id: string, body: TransportInput) =>
    answer<DeviceTransport>(client.POST(`${base}/transports`, { ...of(id), body })),
  changeTransport: (
    device_id: string,
    transport_id: number,
    body: Partial<Omit<TransportInput, 'ingestion_protocol'>>,
  ) =>
    answer<DeviceTransport>(
      client.PUT(`${base}/transports/{transport_id}`, {
        params: { path: { device_id, transport_id } },
        body,
      }),
    ),
  deleteTransport: (device_id: string, transport_id: number) =>
    answer<unknown>(
      client.DELETE(`${base}/transports/{transport_id}`, {
        params: { path: { device_id, transport_id } },
      }),
    ),

  health: (device_id: string, range: string) =>
    answer<DeviceHealth>(
      client.GET(`${base}/health`, { params: { path: { device_id }, query: { range, limit: 1000 } } }),
    ),
  uptime: (device_id: string, range: '24h' | '7d' | '30d') =>
    answer<DeviceUptime>(
      client.GET(`${base}/uptime`, { params: { path: { device_id }, query: { range } } }),
    ),
  connections: (device_id: string, limit: number, offset: number, signal?: AbortSignal) =>
    answer<{ events: ConnectionEvent[]; total: number }>(
      client.GET(`${base}/connections`, {
        params: { path: { device_id }, query: { limit, offset } },
        signal,
      }),
    ),
  changePlan: (id: string, plan_id: string) =>
    answer<unknown>(client.PUT(`${base}/plan`, { ...of(id), body: { plan_id } })),
};
