// Carriers: a tenant's accounts there, and the SIMs of devices, one function for each call.
import { answer, client } from './client';

const accounts = '/api/v1/customer/carrier/integrations' as const;
const transports = '/api/v1/customer/devices/{device_id}/transports' as const;
const sim = '/api/v1/customer/devices/{device_id}/carrier' as const;

export type SimAction = 'activate' | 'suspend' | 'deactivate' | 'reboot';

export interface CarrierIntegration {
  id: number;
  carrier_name: string;
  display_name: string;
  enabled: boolean;
  account_id: string | null;
  api_base_url: string | null;
  api_key_masked: string | null;
  sync_enabled: boolean;
  sync_interval_minutes: number;
  last_sync_at: string | null;
  last_sync_status: string;
  last_sync_error: string | null;
  device_count: number;
  capabilities: string[];
  created_at: string;
}

export interface SimStatus {
  linked: boolean;
  carrier_name?: string;
  device_info?: {
    carrier_device_id: string;
    iccid: string | null;
    sim_status: string | null;
    network_status: string | null;
    ip_address: string | null;
    network_type: string | null;
    last_connection: string | null;
    signal_strength: number | null;
  };
  capabilities?: string[];
}

export interface SimUsage {
  linked: boolean;
  usage?: {
    data_used_mb: number;
    data_limit_mb: number | null;
    usage_pct: number;
    billing_cycle_start: string | null;
    billing_cycle_end: string | null;
  };
}

export interface CarrierPlan {
  id: number;
  name: string;
}

/** What a person says of an account; a member that is left out stays. */
export interface IntegrationInput {
  display_name?: string;
  enabled?: boolean;
  api_key?: string;
  api_base_url?: string | null;
  account_id?: string | null;
  sync_enabled?: boolean;
  sync_interval_minutes?: number;
}

const one = (integration_id: number) => ({ params: { path: { integration_id } } });
const of = (device_id: string) => ({ params: { path: { device_id } } });

export const carriers = {
  integrations: () =>
    answer<{ integrations: CarrierIntegration[] }>(client.GET(accounts)).then((r) => r.integrations),
  create: (body: IntegrationInput & { carrier_name: string; display_name: string }) =>
    answer<CarrierIntegration>(client.POST(accounts, { body })),
  update: (id: number, body: IntegrationInput) =>
    answer<CarrierIntegration>(client.PUT(`${accounts}/{integration_id}`, { ...one(id), body })),
  remove: (id: number) => answer<unknown>(client.DELETE(`${accounts}/{integration_id}`, one(id))),
  plans: (id: number) =>
    answer<{ plans: CarrierPlan[] }>(client.GET(`${accounts}/{integration_id}/plans`, one(id))).then(
      (r) => r.plans,
    ),

  status: (device: string) => answer<SimStatus>(client.GET(`${sim}/status`, of(device))),
  usage: (device: string) => answer<SimUsage>(client.GET(`${sim}/usage`, of(device))),
  diagnostics: (device: string) =>
    answer<{ diagnostics?: unknown }>(client.GET(`${sim}/diagnostics`, of(device))),
  act: (device_id: string, action: SimAction, confirm_iccid?: string) =>
    answer<{ success: boolean }>(
      client.POST(`${sim}/actions/{action}`, {
        params: { path: { device_id, action }, query: confirm_iccid ? { confirm_iccid } : {} },
      }),
    ),
  link: (device: string, carrier_integration_id: number, carrier_device_id: string) =>
    answer<unknown>(
      client.POST(`${sim}/link`, { ...of(device), body: { carrier_integration_id, carrier_device_id } }),
    ),
  /** The transports that named the SIM name it no more; the SIM itself stays as it is. */
  unlink: async (device_id: string) => {
    const { transports: all } = await answer<{
      transports: { id: number; carrier_integration: unknown }[];
    }>(client.GET(transports, of(device_id)));
    for (const { id: transport_id, carrier_integration } of all)
      if (carrier_integration)
        await answer<unknown>(
          client.PUT(`${transports}/{transport_id}`, {
            params: { path: { device_id, transport_id } },
            body: { carrier_integration_id: null },
          }),
        );
  },
  provision: (device: string, carrier_integration_id: number, iccid: string, plan_id: number | null) =>
    answer<unknown>(
      client.POST(`${sim}/provision`, {
        ...of(device),
        body: { carrier_integration_id, iccid, plan_id },
      }),
    ),
};
