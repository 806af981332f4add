import type { AlertTurn, Hours, RoutingRuleInput, SimulatedAlert } from '@/api/notifications';

export const turns = [
  { value: 'OPEN', label: 'opened' },
  { value: 'ACKNOWLEDGED', label: 'acknowledged' },
  { value: 'ESCALATED', label: 'escalated' },
  { value: 'CLOSED', label: 'closed' },
];
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
export const dayOptions = days.map((label, dow) => ({ value: dow, label }));

const hour = (h: number) => `${String(h).padStart(2, '0')}:00`;
export const hoursInWords = (h: Hours): string =>
  `${h.dow.length === 7 ? 'every day' : h.dow.map((d) => days[d]).join(', ')} ${hour(h.start_hour)}–${hour(h.end_hour)}`;

/** A rule as a sentence. */
export function ruleInWords(r: RoutingRuleInput): string {
  const which = [
    r.alert_type ? `of type ${r.alert_type}` : '',
    r.min_severity ? `of severity ${r.min_severity} and up` : '',
    r.site_ids?.length ? `at ${r.site_ids.join(', ')}` : '',
    r.device_prefixes?.length ? `of devices named ${r.device_prefixes.map((p) => `${p}…`).join(', ')}` : '',
    r.device_tag_key ? `with tag ${r.device_tag_key}${r.device_tag_val ? `:${r.device_tag_val}` : ''}` : '',
  ].filter(Boolean);
  const when = turns.filter((t) => r.deliver_on.includes(t.value)).map((t) => t.label);
  const hours = r.active_hours.map(hoursInWords).join('; ');
  return [
    `${which.length ? `Alerts ${which.join(', ')}` : 'Every alert'}, when ${when.join(' or ')}`,
    hours ? `${hours}${r.timezone ? ` (${r.timezone})` : ''}` : '',
    r.throttle_minutes ? `the same one not again for ${r.throttle_minutes} minutes` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

const obstacles: Record<string, string> = {
  disabled: 'the rule is disabled',
  channel_disabled: 'the channel is disabled',
  min_severity: 'the severity is too low',
  alert_type: 'the type is another',
  device_tag: 'the device does not have the tag',
  site_ids: 'the device is at another site',
  device_prefixes: 'the device’s name begins otherwise',
  deliver_on: 'the rule is not for this event',
  active_hours: 'it is outside the rule’s hours',
};
export const obstacleInWords = (name: string): string => obstacles[name] ?? name;

export interface SimulatorForm {
  device: string;
  /** Id; empty: the device's own. */
  site: string;
  type: string;
  severity: string;
  event: AlertTurn;
  /** By the browser's clock; empty: now. */
  at: string;
}

/** The alert that the simulator is asked about. */
export function simulatedOf(f: SimulatorForm): SimulatedAlert {
  const at = f.at === '' ? NaN : Date.parse(f.at);
  return {
    device_id: f.device.trim(),
    alert_type: f.type.trim(),
    severity: Number(f.severity),
    event: f.event,
    ...(f.site ? { site_id: f.site } : {}),
    ...(Number.isNaN(at) ? {} : { at: new Date(at).toISOString() }),
  };
}
