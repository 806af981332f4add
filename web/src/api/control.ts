// Twins and commands: what a device is told, one function for each call.
import { answer, client } from './client';

const base = '/api/v1/customer/devices/{device_id}' as const;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Twin {
  device_id: string;
  desired: JsonObject;
  reported: JsonObject;
  desired_version: number;
  reported_version: number;
  sync_status: 'synced' | 'pending' | 'stale';
  shadow_updated_at: string | null;
}

export interface TwinChange {
  id: number;
  side: 'desired' | 'reported';
  version: number;
  before: JsonObject;
  after: JsonObject;
  source: 'api' | 'http' | 'mqtt';
  actor: string | null;
  created_at: string;
}

export type CommandStatus = 'queued' | 'delivered' | 'missed' | 'expired';
export interface Command {
  command_id: string;
  command_type: string;
  command_params: JsonObject;
  status: CommandStatus;
  published_at: string | null;
  acked_at: string | null;
  ack_details: { status: string; details: Json } | null;
  expires_at: string;
  created_by: string | null;
  created_at: string;
  attempts: number;
  cancelled_at: string | null;
  retry_of: string | null;
}
export interface CommandInput {
  command_type: string;
  command_params: JsonObject;
  expires_in_minutes: number;
}

/** A command that a template defines. */
export interface CommandDefinition {
  id: number;
  command_key: string;
  display_name: string;
  description: string | null;
  parameters_schema: JsonObject | null;
}

const device = (device_id: string) => ({ params: { path: { device_id } } });
const command = (device_id: string, command_id: string) => ({
  params: { path: { device_id, command_id } },
});

export const control = {
  twin: (id: string) => answer<Twin>(client.GET(`${base}/twin`, device(id))),
  twinHistory: (id: string) =>
    answer<{ history: TwinChange[] }>(client.GET(`${base}/twin/history`, device(id))).then(
      (r) => r.history,
    ),
  /** Replaces what is desired, if `version` is still the current one. */
  setDesired: (device_id: string, desired: JsonObject, version: number) =>
    answer<{ desired_version: number }>(
      client.PATCH(`${base}/twin/desired`, {
        params: { path: { device_id }, header: { 'If-Match': `"${version}"` } },
        body: { desired },
      }),
    ),

  commands: (device_id: string, status: CommandStatus | null, limit: number) =>
    answer<Command[]>(
      client.GET(`${base}/commands`, {
        params: { path: { device_id }, query: status ? { status, limit } : { limit } },
      }),
    ),
  send: (id: string, body: CommandInput) =>
    answer<{ command_id: string; mqtt_published: boolean }>(
      client.POST(`${base}/commands`, { ...device(id), body: body as never }),
    ),
  retry: (id: string, command_id: string) =>
    answer<{ command_id: string }>(
      client.POST(`${base}/commands/{command_id}/retry`, command(id, command_id)),
    ),
  cancel: (id: string, command_id: string) =>
    answer<Command>(client.DELETE(`${base}/commands/{command_id}`, command(id, command_id))),
  definitions: (template_id: number) =>
    answer<{ commands?: CommandDefinition[] }>(
      client.GET('/api/v1/customer/templates/{template_id}', { params: { path: { template_id } } }),
    ).then((r) => r.commands ?? []),
};
