// What each type of channel asks for, in the words of whoever sets it up.
import type { ChannelConfig, ChannelType } from '@/api/notifications';

export interface ConfigField {
  /** Where it stands in the config: "a.b" is inside another member. */
  at: string;
  label: string;
  kind?: 'secret' | 'number' | 'list' | 'flag' | 'choice';
  choices?: string[];
  optional?: boolean;
  initial?: string;
  help?: string;
  placeholder?: string;
  /** Asked for only while this holds. */
  when?: (values: Record<string, string>) => boolean;
}

export interface ChannelKind {
  type: ChannelType;
  label: string;
  /** How to get what is asked for. */
  guide: string;
  fields: ConfigField[];
}

const secretHelp = 'Stored encrypted, and never shown again.';
const v3 = (values: Record<string, string>) => values.version === '3';

const webhookFields: ConfigField[] = [
  { at: 'url', label: 'Address', placeholder: 'https://hooks.example.com/pulse' },
  { at: 'method', label: 'Method', kind: 'choice', choices: ['POST', 'PUT', 'PATCH'], initial: 'POST' },
  {
    at: 'secret',
    label: 'Secret',
    kind: 'secret',
    optional: true,
    help: 'Signs each message: X-Signature-256 of the body, X-Signature-V2 of time and body.',
  },
];

export const channelKinds: ChannelKind[] = [
  {
    type: 'slack',
    label: 'Slack',
    guide:
      'In Slack, open the app directory, add “Incoming WebHooks” (or an app of your own with incoming webhooks), choose the channel, and copy the webhook URL.',
    fields: [
      { at: 'webhook_url', label: 'Webhook URL', kind: 'secret', help: secretHelp, placeholder: 'https://hooks.slack.com/services/…' },
    ],
  },
  {
    type: 'pagerduty',
    label: 'PagerDuty',
    guide:
      'In PagerDuty, open the service, add the integration “Events API V2”, and copy its integration key. Acknowledging and closing an alert here does the same to its incident.',
    fields: [
      { at: 'integration_key', label: 'Integration key', kind: 'secret', help: secretHelp },
      {
        at: 'api_url',
        label: 'Events address',
        optional: true,
        placeholder: 'https://events.pagerduty.com/v2/enqueue',
        help: 'For accounts in the EU: https://events.eu.pagerduty.com/v2/enqueue',
      },
    ],
  },
  {
    type: 'teams',
    label: 'Microsoft Teams',
    guide:
      'In Teams, open the channel’s menu, Workflows, “Post to a channel when a webhook request is received”, and copy the address. Addresses of older connectors work too.',
    fields: [
      { at: 'webhook_url', label: 'Webhook URL', kind: 'secret', help: secretHelp },
      { at: 'card', label: 'Kind of card', kind: 'choice', choices: ['auto', 'adaptive', 'message'], initial: 'auto' },
    ],
  },
  {
    type: 'email',
    label: 'Email',
    guide: 'Your own mail server, and who shall receive the alerts.',
    fields: [
      { at: 'recipients.to', label: 'To', kind: 'list', placeholder: 'ops@example.com, night@example.com' },
      { at: 'recipients.cc', label: 'Cc', kind: 'list', optional: true },
      { at: 'recipients.bcc', label: 'Bcc', kind: 'list', optional: true },
      { at: 'from', label: 'From', placeholder: 'Pulse <alerts@example.com>' },
      { at: 'smtp.host', label: 'Mail server', placeholder: 'smtp.example.com' },
      { at: 'smtp.port', label: 'Port', kind: 'number', initial: '587' },
      { at: 'smtp.user', label: 'User', optional: true },
      { at: 'smtp.password', label: 'Password', kind: 'secret', optional: true, help: secretHelp },
      { at: 'smtp.tls', label: 'Encrypted connection', kind: 'flag', initial: 'true' },
      { at: 'subject_template', label: 'Subject', optional: true, placeholder: '[{severity}] {alert_type}: {device_id}' },
    ],
  },
  {
    type: 'webhook',
    label: 'Webhook',
    guide: 'A service of your own that takes JSON. Each message has an Idempotency-Key: a repeat has the same.',
    fields: webhookFields,
  },
  {
    type: 'http',
    label: 'HTTP call',
    guide: 'Like a webhook, for clients that know it by this name.',
    fields: webhookFields,
  },
  {
    type: 'mqtt',
    label: 'MQTT',
    guide: 'A broker of your own; each alert is published to the topic as JSON.',
    fields: [
      { at: 'broker_host', label: 'Broker', placeholder: 'mqtt.example.com' },
      { at: 'broker_port', label: 'Port', kind: 'number', initial: '1883' },
      {
        at: 'topic',
        label: 'Topic',
        initial: 'pulse/alerts/{device_id}',
        help: 'Filled in: {tenant_id} {severity} {site_id} {device_id} {alert_id} {alert_type}',
      },
      { at: 'username', label: 'User', optional: true },
      { at: 'password', label: 'Password', kind: 'secret', optional: true, help: secretHelp },
      { at: 'qos', label: 'Quality of service', kind: 'number', initial: '1' },
      { at: 'retain', label: 'Retained', kind: 'flag', initial: 'false' },
      { at: 'tls', label: 'Encrypted connection', kind: 'flag', initial: 'false' },
    ],
  },
  {
    type: 'snmp',
    label: 'SNMP trap',
    guide: 'A receiver of traps, such as a network management system. Traps have no answer: a test says only that it was sent.',
    fields: [
      { at: 'host', label: 'Receiver', placeholder: 'nms.example.com' },
      { at: 'port', label: 'Port', kind: 'number', initial: '162' },
      { at: 'version', label: 'Version', kind: 'choice', choices: ['2c', '3'], initial: '2c' },
      { at: 'community', label: 'Community', kind: 'secret', optional: true, help: secretHelp, when: (v) => !v3(v) },
      { at: 'user', label: 'User', when: v3 },
      { at: 'auth_protocol', label: 'Authentication', kind: 'choice', choices: ['SHA', 'SHA-256', 'SHA-512', 'MD5'], initial: 'SHA', when: v3 },
      { at: 'auth_password', label: 'Authentication password', kind: 'secret', optional: true, help: secretHelp, when: v3 },
      { at: 'priv_protocol', label: 'Encryption', kind: 'choice', choices: ['AES', 'DES'], initial: 'AES', when: v3 },
      { at: 'priv_password', label: 'Encryption password', kind: 'secret', optional: true, help: secretHelp, when: v3 },
      { at: 'engine_id', label: 'Engine id', optional: true, placeholder: '8000000001020304', when: v3 },
      { at: 'oid_prefix', label: 'OID prefix', optional: true, placeholder: '1.3.6.1.4.1.99999' },
    ],
  },
];

export const kindOf = (type: string): ChannelKind => channelKinds.find((k) => k.type === type) ?? channelKinds[0]!;

const isObject = (v: unknown): v is ChannelConfig => typeof v === 'object' && v !== null && !Array.isArray(v);

/** A member of a config as text. */
function textAt(config: ChannelConfig, at: string): string | undefined {
  let found: unknown = config;
  for (const step of at.split('.')) found = isObject(found) ? found[step] : undefined;
  if (found === undefined || found === null) return undefined;
  return Array.isArray(found) ? found.join(', ') : String(found as string | number | boolean);
}

/** What the form shows at first. A secret that is stored stands there as ***. */
export function formValues(kind: ChannelKind, config: ChannelConfig): Record<string, string> {
  return Object.fromEntries(kind.fields.map((f) => [f.at, textAt(config, f.at) ?? f.initial ?? '']));
}

/** The config that a form says; members that no field is for stay. */
export function configOf(kind: ChannelKind, values: Record<string, string>, before: ChannelConfig): ChannelConfig {
  const out = structuredClone(before);
  for (const f of kind.fields) {
    const path = f.at.split('.');
    const last = path.pop()!;
    let inside = out;
    for (const step of path) {
      if (!isObject(inside[step])) inside[step] = {};
      inside = inside[step] as ChannelConfig;
    }
    const text = (values[f.at] ?? '').trim();
    if (text === '' || (f.when && !f.when(values))) delete inside[last];
    else if (f.kind === 'number') inside[last] = Number(text);
    else if (f.kind === 'flag') inside[last] = text === 'true';
    else if (f.kind === 'list') inside[last] = text.split(/[,\s]+/).filter(Boolean);
    else inside[last] = text;
  }
  return out;
}
