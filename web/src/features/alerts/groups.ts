// The rows of the inbox in groups of one device, rule or site.
import type { Alert } from '@/api/alerts';

export type GroupBy = 'device' | 'rule' | 'site';
export interface AlertGroup {
  key: string;
  label: string;
  alerts: Alert[];
  worst: number;
}

function placeOf(a: Alert, by: GroupBy): { key: string; label: string } {
  if (by === 'device') return { key: a.device_id, label: a.device_name ?? a.device_id };
  if (by === 'site') return { key: a.site_id, label: a.site_id || 'No site' };
  return { key: a.rule_id ?? a.alert_type, label: a.rule_name ?? a.alert_type };
}

/** Groups in the order of their worst severity, then of their size; rows keep theirs. */
export function grouped(alerts: readonly Alert[], by: GroupBy): AlertGroup[] {
  const groups = new Map<string, AlertGroup>();
  for (const a of alerts) {
    const { key, label } = placeOf(a, by);
    const group = groups.get(key) ?? { key, label, alerts: [], worst: 0 };
    group.alerts.push(a);
    group.worst = Math.max(group.worst, a.severity);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.worst - a.worst || b.alerts.length - a.alerts.length);
}
