// What each type of channel asks for, in the words of whoever sets it up.
import type { ChannelConfig, ChannelType } from '@/api/notifications';

export interface ConfigField {
  /** Where it stands in the config: "a.b" is inside another member. */
  at: string;
  /** Where else the API reads it: shown from there, and taken from there once it is changed. */
  also?: string[];
  label: string;
  /** `flag` is true or false in the config, or another word of its choices. `headers`: "Name: value", one a line. */
  kind?: 'secret' | 'number' | 'list' | 'flag' | 'choice' | 'headers';
  choices?: readonly (string | { value: string; label: string })[];
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
const yesOrNo = [
  { value: 'true', label: 'Yes' },
  { value: 'false', label: 'No' },
];
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
  {
    at: 'headers',
    label: 'Headers',
    kind: 'headers',
    optional: true,
    placeholder: 'Authorization: Bearer …',
    help: 'One a line, 20 at most. Their values are stored encrypted; one of *** stays as it is.',
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
      { at: 'recipients.to', also: ['to', 'recipients'], label: 'To', kind: 'list', placeholder: 'ops@example.com, night@example.com' },
      { at: 'recipients.cc', also: ['cc'], label: 'Cc', kind: 'list', optional: true },
      { at: 'recipients.bcc', also: ['bcc'], label: 'Bcc', kind: 'list', optional: true },
      { at: 'from', also: ['smtp.from'], label: 'From', optional: true, placeholder: 'Pulse <alerts@example.com>', help: 'Empty: the user below, where that is an address.' },
      { at: 'smtp.host', label: 'Mail server', placeholder: 'smtp.example.com' },
      { at: 'smtp.port', label: 'Port', kind: 'number', initial: '587' },
      { at: 'smtp.user', also: ['smtp.username'], label: 'User', optional: true },
      { at: 'smtp.password', label: 'Password', kind: 'secret', optional: true, help: secretHelp },
      {
        at: 'smtp.tls',
        label: 'Encrypted connection',
        kind: 'flag',
        initial: 'true',
        choices: [
          { value: 'true', label: 'Yes, as the port asks (TLS at 465, else STARTTLS)' },
          { value: 'starttls', label: 'STARTTLS' },
          { value: 'tls', label: 'TLS from the first byte' },
          { value: 'false', label: 'No' },
        ],
      },
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
      {
        at: 'qos',
        label: 'Quality of service',
        kind: 'number',
        initial: '1',
        choices: [
          { value: '0', label: '0, at most once' },
          { value: '1', label: '1, at least once' },
          { value: '2', label: '2, exactly once' },
        ],
      },
      { at: 'client_id', label: 'Client id', optional: true, help: 'Empty: one of its own for each connection.' },
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
      { at: 'user', also: ['username'], label: 'User', when: v3 },
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

/** What a field with choices offers, what is stored among it. */
export function choicesOf(f: ConfigField, value: string): { value: string; label: string }[] | null {
  if (!f.choices && f.kind !== 'flag') return null;
  const listed = (f.choices ?? yesOrNo).map((c) => (typeof c === 'string' ? { value: c, label: c } : c));
  return value === '' || listed.some((c) => c.value === value) ? listed : [...listed, { value, label: value }];
}

const isObject = (v: unknown): v is ChannelConfig => typeof v === 'object' && v !== null && !Array.isArray(v);

function memberAt(config: ChannelConfig, at: string): unknown {
  let found: unknown = config;
  for (const step of at.split('.')) found = isObject(found) ? found[step] : undefined;
  return found ?? undefined;
}

/** A member of a config as text; undefined: the config does not say it there. */
function textAt(config: ChannelConfig, f: ConfigField, at: string): string | undefined {
  const found = memberAt(config, at);
  if (found === undefined) return undefined;
  if (f.kind === 'headers')
    return isObject(found)
      ? Object.entries(found)
          .map(([name, value]) => `${name}: ${String(value)}`)
          .join('\n')
      : undefined;
  if (Array.isArray(found)) return found.join(', ');
  return isObject(found) ? undefined : String(found as string | number | boolean);
}

/** What the form shows at first. A secret that is stored stands there as ***. */
export function formValues(kind: ChannelKind, config: ChannelConfig): Record<string, string> {
  return Object.fromEntries(
    kind.fields.map((f) => {
      const said = [f.at, ...(f.also ?? [])].map((at) => textAt(config, f, at)).find((text) => text !== undefined);
      // The API's other word for an unencrypted connection.
      return [f.at, f.kind === 'flag' && said === 'none' ? 'false' : (said ?? f.initial ?? '')];
    }),
  );
}

/** "Name: value" lines; null where one is none. */
export function headersOf(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  for (const line of text.split('\n').filter((l) => l.trim() !== '')) {
    const colon = line.indexOf(':');
    if (colon < 1) return null;
    out[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return out;
}

function valueOf(f: ConfigField, text: string): unknown {
  if (f.kind === 'number') return Number(text);
  if (f.kind === 'flag') return text === 'true' || text === 'false' ? text === 'true' : text;
  if (f.kind === 'list') return text.split(/[,\s]+/).filter(Boolean);
  if (f.kind === 'headers') return headersOf(text) ?? {};
  return text;
}

function drop(config: ChannelConfig, at: string): void {
  const path = at.split('.');
  const last = path.pop()!;
  const inside = path.length > 0 ? memberAt(config, path.join('.')) : config;
  if (isObject(inside)) delete inside[last];
}

function put(config: ChannelConfig, at: string, value: unknown): void {
  const path = at.split('.');
  const last = path.pop()!;
  let inside = config;
  for (const step of path) {
    if (!isObject(inside[step])) inside[step] = {};
    inside = inside[step] as ChannelConfig;
  }
  inside[last] = value;
}

/** Of a list where an object may stand (`recipients`): the object, where something is to stand beside it. */
function widen(config: ChannelConfig, f: ConfigField, changed: readonly ConfigField[]): void {
  for (const at of f.also ?? []) {
    const found = memberAt(config, at);
    const holds = f.at.startsWith(`${at}.`) && found !== undefined && !isObject(found);
    if (holds && changed.some((other) => other !== f && other.at.startsWith(`${at}.`))) put(config, f.at, found);
  }
}

/**
 * The config that a form says. Of a stored one (`before`) only what was changed is written: the rest stays word
 * by word, members that no field is for included. What does not apply any more goes.
 */
export function configOf(
  kind: ChannelKind,
  values: Record<string, string>,
  before: ChannelConfig | null,
): ChannelConfig {
  const out = structuredClone(before ?? {});
  const shown = before && formValues(kind, before);
  const said = (f: ConfigField) => (!f.when || f.when(values) ? (values[f.at] ?? '').trim() : '');
  const changed = kind.fields.filter((f) => {
    const stays = shown && (!f.when || f.when(values)) && said(f) === (shown[f.at] ?? '').trim();
    return !stays;
  });
  for (const f of kind.fields) widen(out, f, changed);
  for (const f of changed) {
    drop(out, f.at);
    for (const at of f.also ?? []) if (!isObject(memberAt(out, at))) drop(out, at);
    const text = said(f);
    if (text !== '') put(out, f.at, valueOf(f, text));
  }
  return out;
}
