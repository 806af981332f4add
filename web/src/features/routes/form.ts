// A route's form and what the API takes of it.
import type { DestinationType, MessageRoute, RouteInput } from '@/api/routes';

export interface RouteValues {
  name: string;
  topic_filter: string;
  payload_filter: string;
  type: DestinationType;
  url: string;
  method: string;
  secret: string;
  headers: string;
  topic: string;
  dsn: string;
  table: string;
  columns: string;
  sslrootcert: string;
  /** The stored config with its type: members that no field is for stay. */
  kept: { type: DestinationType; config: Record<string, unknown> } | null;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const json = (value: unknown): string => (value ? JSON.stringify(value, null, 2) : '');

export function valuesOf(route: MessageRoute | null): RouteValues {
  const config = route?.destination_config ?? {};
  return {
    name: route?.name ?? '',
    topic_filter: route?.topic_filter ?? 'tenant/+/device/+/telemetry',
    payload_filter: json(route?.payload_filter),
    type: route?.destination_type ?? 'webhook',
    url: text(config.url),
    method: text(config.method) || 'POST',
    secret: text(config.secret),
    headers: json(config.headers),
    topic: text(config.topic),
    dsn: text(config.dsn),
    table: text(config.table),
    columns: json(config.columns),
    sslrootcert: text(config.sslrootcert),
    kept: route && { type: route.destination_type, config },
  };
}

/** A JSON object, null for nothing, or undefined for what is none. */
export function objectOf(source: string): Record<string, unknown> | null | undefined {
  if (source.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(source);
    const good = typeof value === 'object' && value !== null && !Array.isArray(value);
    return good ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What is pasted to be tried: a payload, or a whole message `{"topic": ..., "payload": {...}}`. Null for what is no
 * JSON object; nothing is an empty payload.
 */
export function pastedOf(source: string): { topic?: string; payload: Record<string, unknown> } | null {
  const value = objectOf(source);
  if (value === undefined) return null;
  if (value === null) return { payload: {} };
  const { topic, payload, ...others } = value;
  const whole = typeof topic === 'string' && typeof payload === 'object' && payload !== null && !Array.isArray(payload);
  return whole && Object.keys(others).length === 0
    ? { topic, payload: payload as Record<string, unknown> }
    : { payload: value };
}

const noObject = 'This is no JSON object.';

/** What is wrong with the values, by their names. */
export function faultsOf(v: RouteValues): Record<string, string | false> {
  const bad = (source: string) => objectOf(source) === undefined && noObject;
  return {
    name: v.name.trim() === '' && 'Give a name.',
    topic_filter: v.topic_filter.trim() === '' && 'Give a filter.',
    payload_filter: bad(v.payload_filter),
    url: v.type === 'webhook' && v.url.trim() === '' && 'Give an address.',
    headers: v.type === 'webhook' && bad(v.headers),
    topic: v.type === 'mqtt_republish' && v.topic.trim() === '' && 'Give a topic.',
    table:
      v.type === 'postgresql' &&
      (v.table.trim() === '') !== (v.dsn.trim() === '') &&
      'Give both the connection and the table, or none of them.',
    columns: v.type === 'postgresql' && bad(v.columns),
    sslrootcert:
      v.type === 'postgresql' &&
      v.sslrootcert.trim() !== '' &&
      !v.sslrootcert.includes('-----BEGIN CERTIFICATE-----') &&
      'Paste certificates as PEM text: it begins with -----BEGIN CERTIFICATE-----.',
  };
}

/** Each type's members that have fields of their own. */
const shown: Record<DestinationType, readonly string[]> = {
  webhook: ['url', 'method', 'secret', 'headers'],
  mqtt_republish: ['topic'],
  postgresql: ['dsn', 'table', 'columns', 'sslrootcert'],
};

function configOf(v: RouteValues): Record<string, unknown> {
  const others = Object.fromEntries(
    Object.entries(v.kept?.type === v.type ? v.kept.config : {}).filter(([name]) => !shown[v.type].includes(name)),
  );
  if (v.type === 'mqtt_republish') return { ...others, topic: v.topic.trim() };
  if (v.type === 'postgresql') {
    if (v.dsn.trim() === '') return {};
    const columns = objectOf(v.columns);
    const sslrootcert = v.sslrootcert.trim();
    return {
      ...others,
      dsn: v.dsn.trim(),
      table: v.table.trim(),
      ...(columns ? { columns } : {}),
      ...(sslrootcert ? { sslrootcert: `${sslrootcert}\n` } : {}),
    };
  }
  const headers = objectOf(v.headers);
  return {
    ...others,
    url: v.url.trim(),
    method: v.method,
    ...(v.secret ? { secret: v.secret } : {}),
    ...(headers ? { headers } : {}),
  };
}

export function inputOf(v: RouteValues): RouteInput {
  return {
    name: v.name.trim(),
    topic_filter: v.topic_filter.trim(),
    payload_filter: objectOf(v.payload_filter) ?? null,
    destination_type: v.type,
    destination_config: configOf(v),
  };
}
