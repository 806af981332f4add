import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { operatorApi } from '@/api/operator';
import { useStaffPolling } from './staff';

/** All keys begin with `operator`, so that nothing of a tenant's pages is mixed in. */
export const operatorKeys = {
  all: ['operator'] as const,
  tenants: ['operator', 'tenants'] as const,
  summaries: ['operator', 'tenant-summaries'] as const,
  tenant: (id: string) => ['operator', 'tenant', id] as const,
  stats: (id: string) => ['operator', 'tenant-stats', id] as const,
  tiers: ['operator', 'tiers'] as const,
  people: (tenant: string | null) => ['operator', 'people', tenant ?? ''] as const,
  person: (id: string) => ['operator', 'person', id] as const,
  sessions: (id: string) => ['operator', 'sessions', id] as const,
};

/** Every tenant, deleted ones too. */
export function useTenants() {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.tenants,
    queryFn: ({ signal }) => operatorApi.tenants(signal),
    refetchInterval,
  });
}

/** Counts of every tenant that is not deleted, by its id. */
export function useTenantSummaries() {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.summaries,
    queryFn: operatorApi.tenantSummaries,
    refetchInterval,
  });
}

export function useTenant(id: string) {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.tenant(id),
    queryFn: () => operatorApi.tenant(id),
    refetchInterval,
  });
}

export function useTenantStats(id: string) {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.stats(id),
    queryFn: () => operatorApi.tenantStats(id),
    refetchInterval,
  });
}

/** The tiers change seldom. */
export const useTiers = () =>
  useQuery({ queryKey: operatorKeys.tiers, queryFn: operatorApi.tiers, staleTime: 300_000 });

/** People of all tenants and staff, or of one tenant. */
export function usePeople(tenant: string | null) {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.people(tenant),
    queryFn: ({ signal }) =>
      operatorApi.allPeople(tenant ? { tenant_filter: tenant } : {}, signal),
    placeholderData: keepPreviousData,
    refetchInterval,
  });
}

export function usePerson(id: string) {
  const refetchInterval = useStaffPolling();
  return useQuery({
    queryKey: operatorKeys.person(id),
    queryFn: () => operatorApi.person(id),
    refetchInterval,
  });
}

/** Asks everything shown anew, after something was changed. */
export function useRefreshOperator(): () => void {
  const queries = useQueryClient();
  return useCallback(
    () => void queries.invalidateQueries({ queryKey: operatorKeys.all }),
    [queries],
  );
}
