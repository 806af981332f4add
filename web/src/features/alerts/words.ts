// What happened to an alert, in words.
import type { Alert, AlertEntry } from '@/api/alerts';

const text = (v: unknown): string => (typeof v === 'string' || typeof v === 'number' ? String(v) : '');

const reasons: Record<string, string> = {
  recovered: 'the value is good again',
  rule_removed: 'its rule was disabled or deleted',
  out_of_scope: 'its rule is not for this device any more',
  device_removed: 'its device left the fleet',
  certificate_ended: 'the certificate was replaced or revoked',
};

function closed(e: AlertEntry): string {
  if (e.actor) return `Closed by ${e.actor}`;
  const reason = text(e.details.reason);
  return reason ? `Closed: ${reasons[reason] ?? reason}` : 'Closed';
}

function told(d: AlertEntry['details']): string {
  const whom = text(d.channel_name) || text(d.address) || 'somebody';
  const by = text(d.channel_type);
  const of = d.event && d.event !== 'OPEN' ? ` of ${text(d.event).toLowerCase()}` : '';
  const tries = Number(d.attempt) > 1 ? ` at attempt ${text(d.attempt)}` : '';
  const start = `${d.ok === false ? 'Not told' : 'Told'} ${whom}${by ? ` by ${by}` : ''}${of}${tries}`;
  return d.ok === false ? `${start}: ${text(d.error) || `status ${text(d.http_status)}`}` : start;
}

/** "Escalated to level 2, now severity 5: ada (on call in Night), lead@x.example". */
function escalated(d: AlertEntry['details']): string {
  const level = text(d.level) && ` to level ${text(d.level)}`;
  const severity = d.severity !== d.severity_before && text(d.severity) ? `, now severity ${text(d.severity)}` : '';
  const targets = Array.isArray(d.targets) ? (d.targets as AlertEntry['details'][]) : [];
  const whom = targets.map((t) => {
    if (t.kind !== 'oncall') return text(t.address);
    const who = text(t.responder) || 'the person';
    return `${who} (on call in ${text(t.schedule)}${t.problem ? `: ${text(t.problem)}` : ''})`;
  });
  return `Escalated${level}${severity}${whom.length > 0 ? `: ${whom.join(', ')}` : ''}`;
}

export function wordsOf(e: AlertEntry): string {
  switch (e.event) {
    case 'OPEN':
      return 'Opened';
    case 'REPEATED':
      return `Repeated ${text(e.details.count)} times, the last`;
    case 'TOLD':
      return told(e.details);
    case 'ESCALATED':
      return escalated(e.details);
    case 'SILENCED':
      return `Silenced for ${text(e.details.minutes)} min${e.actor ? ` by ${e.actor}` : ''}`;
    case 'ACKNOWLEDGED':
      return `Acknowledged${e.actor ? ` by ${e.actor}` : ''}`;
    case 'COMMENTED':
      return e.actor ?? 'Comment';
    case 'CLOSED':
      return closed(e);
    default:
      return e.event;
  }
}

/**
 * The value that the metric itself was compared with, to be drawn on its chart. Null where there is none: what
 * was compared was a sum or a number of values, or a distance in standard deviations.
 */
export function thresholdOf({ details: d }: Pick<Alert, 'details'>): number | null {
  if (typeof d.threshold !== 'number') return null;
  if (d.aggregation === 'sum' || d.aggregation === 'count' || 'z_score' in d) return null;
  return d.threshold;
}
export const metricOf = (a: Pick<Alert, 'details'>): string | null =>
  typeof a.details.metric_name === 'string' && a.details.metric_name ? a.details.metric_name : null;

/** All metrics that an alert is about: the one that is told, and those of its rule's conditions. */
export function metricsOf(a: Pick<Alert, 'details'>): string[] {
  const told = metricOf(a);
  const list = Array.isArray(a.details.conditions) ? (a.details.conditions as { metric_name?: unknown }[]) : [];
  const others = list.map((c) => c.metric_name).filter((m): m is string => typeof m === 'string' && m !== '');
  return [...new Set([...(told ? [told] : []), ...others])];
}
