import { useQuery, useQueryClient } from '@tanstack/react-query';
import { carriers } from '@/api/carriers';

/** The carriers that Pulse can talk to. */
export const known = [
  { value: 'hologram', label: 'Hologram' },
  { value: '1nce', label: '1NCE' },
];
export const carrierTitle = (name: string | undefined): string =>
  known.find((k) => k.value === name?.toLowerCase())?.label ?? name ?? 'its carrier';

// The server tells of changes by this name.
export const integrationsKey = ['carriers'];

export function useIntegrations() {
  return useQuery({ queryKey: integrationsKey, queryFn: carriers.integrations });
}

// Each of these asks the carrier, which counts calls: not again by itself, and not twice for a failure.
const sparing = { retry: false, staleTime: 60_000, refetchOnWindowFocus: false } as const;

export const simKey = (device: string) => ['sim', device];

export function useSimStatus(device: string) {
  return useQuery({
    queryKey: [...simKey(device), 'status'],
    queryFn: () => carriers.status(device),
    ...sparing,
  });
}

export function useSimUsage(device: string) {
  return useQuery({
    queryKey: [...simKey(device), 'usage'],
    queryFn: () => carriers.usage(device),
    ...sparing,
  });
}

export function usePlans(integration: number | null) {
  return useQuery({
    queryKey: ['carrier-plans', integration],
    queryFn: () => carriers.plans(integration!),
    enabled: integration !== null,
    ...sparing,
  });
}

/** Asks anew about the SIM of a device, and who uses which account. */
export function useRefreshSim(device: string) {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: simKey(device) });
    void queries.invalidateQueries({ queryKey: integrationsKey });
    for (const name of ['device', 'device-transports'])
      void queries.invalidateQueries({ queryKey: [name, device] });
  };
}
