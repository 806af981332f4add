import { useQuery, useQueryClient } from '@tanstack/react-query';
import { oncall } from '@/api/oncall';
import { usePolling } from '@/live/hooks';

// The server tells of changes by this name.
export const policiesKey = ['escalation-policies'];

export function usePolicies() {
  const polling = usePolling();
  return useQuery({ queryKey: policiesKey, queryFn: oncall.policies, refetchInterval: polling });
}

export function useRefreshPolicies() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: policiesKey });
}
