// Alerts, maintenance windows and the digest: one function for each call.
import { answer, client } from './client';

const base = '/api/v1/customer' as const;

export type AlertStatus = 'OPEN' | 'ACKNOWLEDGED' | 'CLOSED';
export interface Alert {
  alert_id: number;
  device_id: string;
  device_name: string | null;
  site_id: string;
  alert_type: string;
  status: AlertStatus;
  severity: number;
  summary: string;
  details: Record<string, unknown>;
  created_at: string;
  closed_at: string | null;
  closed_by: string | null;
  close_reason: string | null;
  silenced_until: string | null;
  acknowledged_by: string | null;
  acknowledged_at: string | null;
  escalation_level: number;
  next_escalation_at: string | null;
  trigger_count: number;
  last_triggered_at: string | null;
  rule_id: string | null;
  rule_name: string | null;
}
export interface AlertList {
  alerts: Alert[];
  total: number;
  status_filter: string;
}
export interface AlertFilter {
  status?: string;
  severity?: number;
  min_severity?: number;
  device_id?: string;
  site_id?: string;
  rule_id?: string;
  type?: string;
  q?: string;
  sort?: '-created_at' | 'created_at' | '-severity' | '-last_triggered_at';
}
/** Whom an action is for: at most 1000 by their ids, or at most 10,000 that a filter finds. */
export type AlertTarget = { ids: number[] } | { filter: Omit<AlertFilter, 'sort'> };

export interface AlertEntry {
  event_id: number | null;
  event: string;
  at: string;
  actor: string | null;
  details: Record<string, unknown>;
}
export interface TrendHour {
  hour: string;
  opened: number;
  closed: number;
}
export type AlertAction = 'acknowledge' | 'close' | 'silence';

export interface Recurrence {
  dow: number[];
  start_hour: number;
  end_hour: number;
}
export interface MaintenanceWindow {
  window_id: string;
  name: string;
  starts_at: string;
  ends_at: string | null;
  recurring: Recurrence | null;
  site_ids: string[] | null;
  device_types: string[] | null;
  enabled: boolean;
  active_now: boolean;
  next_start: string | null;
  next_end: string | null;
}
export interface WindowInput {
  name: string;
  starts_at: string;
  ends_at: string | null;
  recurring: Recurrence | null;
  site_ids: string[] | null;
  device_types: string[] | null;
  enabled: boolean;
}
export type Frequency = 'daily' | 'weekly' | 'disabled';
export interface DigestSettings {
  frequency: Frequency;
  email: string;
  last_sent_at: string | null;
  timezone: string;
}

const alert = (alert_id: number) => ({ params: { path: { alert_id: String(alert_id) } } });
const window_ = (window_id: string) => ({ params: { path: { window_id } } });

export const alerting = {
  list: (filter: AlertFilter, limit: number, signal?: AbortSignal) =>
    answer<AlertList>(
      client.GET(`${base}/alerts`, { params: { query: { ...filter, limit } }, signal }),
    ),
  one: (id: number) =>
    answer<{ alert: Alert }>(client.GET(`${base}/alerts/{alert_id}`, alert(id))).then(
      (r) => r.alert,
    ),
  timeline: (id: number) =>
    answer<{ events: AlertEntry[] }>(
      client.GET(`${base}/alerts/{alert_id}/timeline`, alert(id)),
    ).then((r) => r.events),
  trend: (hours: number) =>
    answer<{ trend: TrendHour[] }>(
      client.GET(`${base}/alerts/trend`, { params: { query: { hours } } }),
    ).then((r) => r.trend),
  comment: (id: number, text: string) =>
    answer<AlertEntry>(
      client.POST(`${base}/alerts/{alert_id}/comments`, { ...alert(id), body: { text } }),
    ),
  /** To those named, or to all that a filter finds; those that it can't be done to are left alone. */
  act: (action: AlertAction, target: AlertTarget, minutes?: number) =>
    answer<{ matched: number; changed: number }>(
      client.POST(`${base}/alerts/bulk`, { body: { action, ...target, minutes } }),
    ),

  windows: () =>
    answer<{ windows: MaintenanceWindow[]; total: number; timezone: string }>(
      client.GET(`${base}/maintenance-windows`),
    ),
  createWindow: (body: WindowInput) =>
    answer<MaintenanceWindow>(client.POST(`${base}/maintenance-windows`, { body })),
  updateWindow: (id: string, body: Partial<WindowInput>) =>
    answer<MaintenanceWindow>(
      client.PATCH(`${base}/maintenance-windows/{window_id}`, { ...window_(id), body }),
    ),
  deleteWindow: (id: string) =>
    answer<unknown>(client.DELETE(`${base}/maintenance-windows/{window_id}`, window_(id))),

  digest: () => answer<DigestSettings>(client.GET(`${base}/alert-digest-settings`)),
  saveDigest: (body: { frequency: Frequency; email: string; timezone: string }) =>
    answer<unknown>(client.PUT(`${base}/alert-digest-settings`, { body })),
};
