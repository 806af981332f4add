import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { toast } from 'sonner';
import { api, type DeviceFilter } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { DeviceList, FleetSummary } from '@/api/types';
import { forEach } from '@/lib/for-each';
import { many } from '@/lib/numbers';
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
    for (const key of ['devices', 'device-summary', 'sites', 'getting-started', 'tags', 'device-groups'])
      void queries.invalidateQueries({ queryKey: [key] });
  };
}

const named = (ids: readonly string[]) => (ids.length === 1 ? ids[0]! : many(ids.length, 'device'));
const are = (ids: readonly string[]) => (ids.length === 1 ? 'is' : 'are');

/** Acts on each; throws the first failure when none went through, tells of it when some did. */
async function onEach(ids: readonly string[], act: (id: string) => Promise<unknown>, failure: string) {
  const { done, failed } = await forEach(ids, act);
  if (done.length === 0 && failed.length > 0) throw failed[0]!.error;
  if (failed.length > 0)
    toast.error(
      `${named(failed.map((f) => f.id))} could not be ${failure}: ${asApiError(failed[0]!.error).message}`,
    );
  return done;
}

export function useRefreshDevices() {
  const queries = useQueryClient();
  const refresh = useRefreshFleet();
  return () => {
    refresh();
    void queries.invalidateQueries({ queryKey: ['device'] });
    void queries.invalidateQueries({ queryKey: ['tokens'] });
  };
}

/** Brings decommissioned devices back. */
export function useRestore() {
  const refresh = useRefreshDevices();
  return useMutation({
    mutationFn: (ids: readonly string[]) => onEach(ids, api.restore, 'restored'),
    onSuccess: (done) =>
      toast.success(
        `${named(done)} ${are(done)} back. The credentials were revoked: make new ones.`,
      ),
    onError: (error, ids) =>
      toast.error(`${named(ids)} could not be restored: ${asApiError(error).message}`),
    onSettled: refresh,
  });
}

/** Decommissions, with a toast that takes it back. */
export function useDecommission() {
  const refresh = useRefreshDevices();
  const restore = useRestore();
  return useMutation({
    mutationFn: (ids: readonly string[]) => onEach(ids, api.decommission, 'decommissioned'),
    onSuccess: (done) =>
      toast(`${named(done)} ${are(done)} decommissioned`, {
        duration: 12_000,
        action: { label: 'Undo', onClick: () => restore.mutate(done) },
      }),
    onSettled: refresh,
  });
}
