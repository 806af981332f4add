// Notifications: channels, routing and the delivery log, one function for each call.
import { answer, client } from './client';

const channels = '/api/v1/customer/notification-channels' as const;
const rules = '/api/v1/customer/notification-routing-rules' as const;

export type ChannelType = 'slack' | 'pagerduty' | 'teams' | 'webhook' | 'http' | 'email' | 'snmp' | 'mqtt';
export type AlertTurn = 'OPEN' | 'ACKNOWLEDGED' | 'CLOSED' | 'ESCALATED';
export type ChannelConfig = Record<string, unknown>;

export interface ChannelInput {
  name: string;
  channel_type: ChannelType;
  config: ChannelConfig;
  is_enabled: boolean;
  max_per_minute: number;
}
export interface Channel extends ChannelInput {
  channel_id: number;
  created_at: string;
}

export interface Hours {
  dow: number[];
  start_hour: number;
  end_hour: number;
}
export interface RoutingRuleInput {
  channel_id: number;
  min_severity: number | null;
  alert_type: string | null;
  device_tag_key: string | null;
  device_tag_val: string | null;
  site_ids: string[] | null;
  device_prefixes: string[] | null;
  deliver_on: string[];
  throttle_minutes: number;
  priority: number;
  is_enabled: boolean;
  active_hours: Hours[];
  timezone: string | null;
}
export interface RoutingRule extends RoutingRuleInput {
  rule_id: number;
}

/** An alert that there might be. Without a site it is the device's, without `at` it is now. */
export interface SimulatedAlert {
  device_id: string;
  alert_type: string;
  event: AlertTurn;
  severity: number;
  site_id?: string;
  at?: string;
}
export interface SimulatedRoute {
  rule_id: number;
  channel_id: number;
  priority: number;
  channel_name: string;
  channel_type: string;
  tells: boolean;
  obstacles: string[];
}

export interface DeliveryJob {
  job_id: number;
  alert_id: number;
  channel_id: number | null;
  status: 'PENDING' | 'PROCESSING' | 'COMPLETED' | 'FAILED';
  attempts: number;
  last_error: string | null;
  deliver_on_event: string;
  channel_name: string | null;
  channel_type: string | null;
  address: string | null;
  created_at: string;
  updated_at: string;
}
export interface DeliveryAttempt {
  attempt_no: number;
  ok: boolean;
  http_status: number | null;
  latency_ms: number | null;
  error: string | null;
  started_at: string;
}

const channel = (channel_id: number) => ({ params: { path: { channel_id } } });
const rule = (rule_id: number) => ({ params: { path: { rule_id } } });

export const notifications = {
  channels: () => answer<{ channels: Channel[] }>(client.GET(channels)).then((r) => r.channels),
  createChannel: (body: ChannelInput) => answer<Channel>(client.POST(channels, { body })),
  updateChannel: (id: number, body: ChannelInput) =>
    answer<Channel>(client.PUT(`${channels}/{channel_id}`, { ...channel(id), body })),
  removeChannel: (id: number) => answer<unknown>(client.DELETE(`${channels}/{channel_id}`, channel(id))),
  testChannel: (id: number) =>
    answer<{ delivery: { http_status: number | null; latency_ms: number } }>(
      client.POST(`${channels}/{channel_id}/test`, channel(id)),
    ),

  rules: () => answer<{ rules: RoutingRule[] }>(client.GET(rules)).then((r) => r.rules),
  createRule: (body: RoutingRuleInput) => answer<RoutingRule>(client.POST(rules, { body })),
  updateRule: (id: number, body: RoutingRuleInput) =>
    answer<RoutingRule>(client.PUT(`${rules}/{rule_id}`, { ...rule(id), body })),
  removeRule: (id: number) => answer<unknown>(client.DELETE(`${rules}/{rule_id}`, rule(id))),
  simulate: (body: SimulatedAlert) =>
    answer<{ routes: SimulatedRoute[] }>(client.POST(`${rules}/simulate`, { body })).then((r) => r.routes),

  jobs: (query: { status?: string; integration_id?: string; alert_id?: number; limit: number; offset: number }) =>
    answer<{ jobs: DeliveryJob[]; total: number }>(
      client.GET('/api/v1/customer/delivery-jobs', { params: { query } }),
    ),
  attempts: (job_id: number) =>
    answer<{ attempts: DeliveryAttempt[] }>(
      client.GET('/api/v1/customer/delivery-jobs/{job_id}/attempts', { params: { path: { job_id } } }),
    ).then((r) => r.attempts),
};
