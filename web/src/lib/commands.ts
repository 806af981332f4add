// Command lines that work as printed, in a POSIX shell.
import type { ConnectionInfo } from '@/api/types';

/** A word for the shell: bare when harmless, else in single quotes. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export interface CommandFacts {
  connection: ConnectionInfo;
  tenant: string;
  device: string;
  site: string | null;
  clientId: string;
  password: string;
  metrics: Record<string, number | boolean | string>;
}

/** One HTTP message with curl. */
export function curlLine(f: CommandFacts, oneLine = false): string {
  const next = oneLine ? ' ' : ' \\\n  ';
  const url = `${f.connection.http_url.replace(/\/$/, '')}/ingest/v1/tenant/${f.tenant}/device/${f.device}/telemetry`;
  const body = JSON.stringify({ ...(f.site ? { site_id: f.site } : {}), seq: 0, metrics: f.metrics });
  return [
    `curl -X POST ${shellWord(url)}`,
    `-H ${quote(`X-Provision-Token: ${f.password}`)}`,
    `-H 'Content-Type: application/json'`,
    `-d ${quote(body)}`,
  ].join(next);
}

/** One MQTT 5 message with mosquitto_pub, QoS 1. */
export function mosquittoLine(f: CommandFacts, oneLine = false): string {
  const next = oneLine ? ' ' : ' \\\n  ';
  const c = f.connection;
  return [
    `mosquitto_pub -h ${shellWord(c.mqtt_host)} -p ${c.mqtt_port} -V mqttv5 -i ${shellWord(f.clientId)}`,
    `-u ${shellWord(`${f.tenant}/${f.device}`)} -P ${secret(f.password)} -q 1`,
    `-t ${shellWord(`tenant/${f.tenant}/device/${f.device}/telemetry`)}`,
    `-m ${quote(JSON.stringify({ metrics: f.metrics }))}`,
  ].join(next);
}

/** One MQTT message over TLS by a device's certificate, with the files as Pulse names them. */
export function mosquittoCertificateLine(c: ConnectionInfo, tenant: string, device: string): string {
  return [
    `mosquitto_pub -h ${shellWord(c.mqtt_host)} -p ${c.mqtt_tls_port ?? 8883} -V mqttv5`,
    `--cafile pulse-ca.pem --cert ${shellWord(`${device}.pem`)} --key ${shellWord(`${device}.key`)} -q 1`,
    `-t ${shellWord(`tenant/${tenant}/device/${device}/telemetry`)}`,
    `-m ${quote(JSON.stringify({ metrics: { temperature: 4.2 } }))}`,
  ].join(' \\\n  ');
}

/** A question to the API by curl; the token comes from the shell's PULSE_TOKEN. */
export function apiCurl(origin: string, path: string): string {
  return `curl -H "Authorization: Bearer $PULSE_TOKEN" ${shellWord(origin + path)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A password as an option's value; one that starts with a dash must not read as an option. */
function secret(text: string): string {
  return text.startsWith('-') ? quote(text) : shellWord(text);
}
