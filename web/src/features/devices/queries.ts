import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { toast } from 'sonner';
import { api, type DeviceFilter } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { DeviceList, FleetSummary } from '@/api/types';
import { useLiveSummary, usePolling } from '@/live/hooks';

export const deviceKeys = {
  all: ['devices'] as const,
  page: (filter: DeviceFilter, limit: number, offset: number) =>
    ['devices', filter, limit, offset] as const,
  summary: ['device-summary'] as const,
};

/** One page of the list. */
export function pageOptions(filter: DeviceFilter, limit: number, offset: number) {
  return {
    queryKey: deviceKeys.page(filter, limit, offset),
    queryFn: ({ signal }: { signal: AbortSignal }) => api.devices(filter, limit, offset, signal),
    staleTime: 15_000,
  };
}

export function useDevicePage(filter: DeviceFilter, limit: number, enabled = true) {
  const polling = usePolling();
  return useQuery<DeviceList>({
    ...pageOptions(filter, limit, 0),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
    enabled,
  });
}

/** Counts by status: asked once, then pushed. */
export function useFleetSummary() {
  const queries = useQueryClient();
  const pushed = useLiveSummary();
  const polling = usePolling();
  useEffect(() => {
    if (pushed)
      queries.setQueryData<FleetSummary>(deviceKeys.summary, (old) => ({ ...old, ...pushed }));
  }, [pushed, queries]);
  return useQuery({ queryKey: deviceKeys.summary, queryFn: api.summary, refetchInterval: polling });
}

/** Everything that counts or lists devices is asked anew. */
export function useRefreshFleet() {
  const queries = useQueryClient();
  return () => {
    for (const key of ['devices', 'device-summary', 'sites', 'getting-started', 'tags'])
      void queries.invalidateQueries({ queryKey: [key] });
  };
}

/** Decommissions, with a toast that takes it back. */
export function useDecommission() {
  const queries = useQueryClient();
  const refresh = useRefreshFleet();
  const refreshOne = (id: string) => {
    refresh();
    void queries.invalidateQueries({ queryKey: ['device', id] });
  };
  return useMutation({
    mutationFn: (id: string) => api.decommission(id),
    onSuccess: (_, id) => {
      refreshOne(id);
      toast(`${id} is decommissioned`, {
        duration: 12_000,
        action: {
          label: 'Undo',
          onClick: () => {
            api.restore(id).then(
              () => {
                refreshOne(id);
                toast.success(`${id} is back. Its credentials were revoked: rotate them.`);
              },
              (error: unknown) =>
                toast.error(`${id} could not be restored: ${asApiError(error).message}`),
            );
          },
        },
      });
    },
  });
}
