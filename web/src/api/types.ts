// What the endpoints answer, as the pages read it. The paths and inputs of calls are checked
// against the generated schema; answers that grow new members need no change here.

export type Status = 'ONLINE' | 'STALE' | 'OFFLINE';
export type Metrics = Record<string, number | boolean | string>;

export interface User {
  email: string;
  role: string | null;
  tenant_id: string | null;
  organization?: unknown;
  realm_access?: { roles?: string[] };
}
export type AuthStatus =
  | { authenticated: false }
  | { authenticated: true; user: User; expires_in: number; refresh_seconds?: number };

export interface Device {
  device_id: string;
  tenant_id: string;
  name?: string | null;
  site_id: string | null;
  status: Status;
  last_seen_at: string | null;
  last_heartbeat_at?: string | null;
  last_telemetry_at?: string | null;
  last_state_change_at?: string | null;
  decommissioned_at?: string | null;
  state?: Metrics | null;
  /** Units by metric, as its sensors and template say. */
  units?: Record<string, string> | null;
  template_id?: number | null;
  template_name?: string | null;
  template?: { id: number; name: string; slug: string; category: string } | null;
  plan_id?: string | null;
  plan_name?: string | null;
  subscription_status?: string | null;
  sensor_count?: number;
  sensor_limit?: number | null;
  sensors?: Sensor[];
  /** What its messages broke of its template last. */
  template_fault?: TemplateFault | null;
  latitude?: number | null;
  longitude?: number | null;
  address?: string | null;
  model?: string | null;
  manufacturer?: string | null;
  serial_number?: string | null;
  mac_address?: string | null;
  imei?: string | null;
  iccid?: string | null;
  hw_revision?: string | null;
  fw_version?: string | null;
  notes?: string | null;
  tags?: string[];
}

export interface TemplateFault {
  metric_key: string;
  problem: string;
  message: string;
  count: number;
  first_at: string;
  last_at: string;
}

export interface Sensor {
  sensor_id: number;
  metric_name: string;
  label: string | null;
  unit: string | null;
  min_range: number | null;
  max_range: number | null;
  precision_digits: number | null;
  status: string;
  last_value: number | null;
  last_value_text?: string | null;
  last_seen_at: string | null;
}

export interface DeviceList {
  devices: Device[];
  total: number;
  limit: number;
  offset: number;
  next_cursor?: string | null;
}

export interface FleetSummary {
  ONLINE: number;
  STALE: number;
  OFFLINE: number;
  total: number;
  active_alerts?: number;
  alerts_open?: number;
  alerts_new_1h?: number;
  total_sensors?: number;
  active_sensors?: number;
}

export interface Site {
  site_id: string;
  name: string;
  location: string | null;
  latitude: number | null;
  longitude: number | null;
  device_count: number;
  online_count: number;
  stale_count: number;
  offline_count: number;
  active_alert_count: number;
}

export interface SiteInput {
  site_id: string;
  name: string;
  location?: string | null;
  latitude?: number | null;
  longitude?: number | null;
}

export interface Template {
  id: number;
  tenant_id: string | null;
  name: string;
  slug: string;
  description: string | null;
  category: string;
  manufacturer: string | null;
  model: string | null;
  is_locked: boolean;
  source: 'system' | 'tenant';
  created_at: string;
}

export interface Token {
  id: string;
  client_id: string;
  label: string;
  created_at: string;
  revoked_at: string | null;
  last_used_at?: string | null;
  expires_at?: string | null;
}

export interface Credentials {
  client_id: string;
  password: string;
  username: string;
  broker_url: string;
  expires_at?: string | null;
}

export interface TelemetryRow {
  timestamp: string;
  metrics: Metrics;
  seq: number | null;
  msg_type: string;
}

export interface MetricInfo {
  metric_key: string;
  display_name: string | null;
  unit: string | null;
  min_range: number | null;
  max_range: number | null;
  precision_digits: number | null;
}

export interface Point {
  time: string;
  avg: number | null;
  min: number | null;
  max: number | null;
  count: number;
}
export interface Series {
  metric: string;
  unit: string | null;
  points: Point[];
}
export interface History {
  device_id: string;
  range: string;
  bucket_size: string;
  bucket_seconds: number;
  source: 'raw' | '1m' | '1h';
  series: Series[];
}

export interface Message {
  id: string | number;
  received_at: string;
  stored_at: string | null;
  time: string | null;
  msg_type: string;
  seq: number | null;
  status: 'stored' | 'quarantined' | 'dead_letter';
  reason: string | null;
  latency_ms: number | null;
  metrics: Metrics | null;
}
export interface MessagePage {
  device_id: string;
  messages: Message[];
  next_before: string | number | null;
}

export interface GettingStarted {
  sites: number;
  templates: number;
  devices: number;
  online: number;
  alert_rules: number;
  dismissed: boolean;
}

export interface ConnectionInfo {
  http_url: string;
  mqtt_host: string;
  mqtt_port: number;
  mqtt_tls_port: number | null;
  ws_url: string;
}

export interface DeviceGroup {
  group_id: string;
  name: string;
  description: string | null;
  group_type: 'static' | 'dynamic';
  member_count: number;
  query_filter: Record<string, unknown> | null;
  created_at: string;
  updated_at: string;
}
export interface GroupMember {
  device_id: string;
  name: string;
  status: Status;
  site_id: string;
  added_at: string | null;
}
export interface GroupMembers {
  group_id: string;
  group_type: 'static' | 'dynamic';
  members: GroupMember[];
  total: number;
}
