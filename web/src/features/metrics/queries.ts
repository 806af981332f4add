import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { metricNames } from '@/api/rules';
import { useSession } from '@/auth/session';
import { usePolling } from '@/live/hooks';

const key = 'metric-names';

export function useReference() {
  const polling = usePolling();
  return useQuery({ queryKey: [key, 'reference'], queryFn: metricNames.reference, refetchInterval: polling });
}
export const useMappings = () =>
  useQuery({ queryKey: [key, 'mappings'], queryFn: metricNames.mappings, staleTime: 60_000 });
export const useCatalog = () =>
  useQuery({ queryKey: [key, 'catalog'], queryFn: metricNames.catalog, staleTime: 60_000 });

/** Names of metrics are changed by administrators of the tenant only. */
export const useAdministrates = () =>
  useSession().user.realm_access?.roles?.includes('tenant-admin') ?? false;

/** A write of names: what shows them asks anew. */
export function useNameWrite<V>(write: (value: V) => Promise<unknown>, onSuccess: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: [key] });
      onSuccess();
    },
  });
}
