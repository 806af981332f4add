import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { people } from '@/api/people';
import { newestOf, type Traces } from './status';

const most = 1000;

/** When people signed in last, and when they were invited: as the audit log tells, as far back as it goes. */
export function useTraces(): Traces & { pending: boolean } {
  const signIns = useQuery({
    queryKey: ['audit-log', 'sign-ins'],
    queryFn: ({ signal }) => people.auditLog({ event_type: 'auth.login' }, most, 0, signal),
    staleTime: 60_000,
  });
  const invited = useQuery({
    queryKey: ['audit-log', 'invitations'],
    queryFn: ({ signal }) => people.auditLog({ event_type: 'user.invited' }, most, 0, signal),
    staleTime: 60_000,
  });
  return useMemo(
    () => ({
      signIns: newestOf(signIns.data?.events ?? [], (e) => e.actor_id),
      invited: newestOf(invited.data?.events ?? [], (e) => e.entity_id),
      pending: signIns.isPending || invited.isPending,
    }),
    [signIns.data, invited.data, signIns.isPending, invited.isPending],
  );
}
