import { useQuery, useQueryClient } from '@tanstack/react-query';
import { people } from '@/api/people';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { peopleKeys } from '@/features/people/queries';

export function useTokens() {
  return useQuery({ queryKey: peopleKeys.tokens, queryFn: people.tokens });
}

export function useServiceAccounts() {
  return useQuery({
    queryKey: peopleKeys.serviceAccounts,
    queryFn: people.serviceAccounts,
    enabled: usePermissions().may(needs.serviceAccounts),
  });
}

/** Tokens of the caller and of service accounts are asked anew. */
export function useRefreshTokens() {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: peopleKeys.tokens });
    void queries.invalidateQueries({ queryKey: peopleKeys.serviceAccounts });
  };
}
