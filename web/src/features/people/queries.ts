// What the pages of an organization's people ask, and what they ask anew after a change.
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { people } from '@/api/people';
import { needs } from '@/auth/needs';
import { myPermissionsKey, usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { usePolling } from '@/live/hooks';

/** Keys; their first member is the name under which the server tells of changes. */
export const peopleKeys = {
  members: ['users'] as const,
  member: (id: string) => ['users', 'one', id] as const,
  assignments: (id: string) => ['users', 'roles', id] as const,
  sessionsOf: (id: string) => ['users', 'sessions', id] as const,
  roles: ['roles'] as const,
  catalogue: ['permissions'] as const,
  limits: ['limits'] as const,
  organization: ['organization'] as const,
  tokens: ['api-tokens'] as const,
  serviceAccounts: ['service-accounts'] as const,
  preferences: ['preferences'] as const,
  sessions: ['sessions'] as const,
};

/** How many people a page of the team shows. */
export const teamPage = 50;

/** The people who fit a search. */
export function useMembers(search: string, offset = 0, limit = teamPage) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...peopleKeys.members, 'list', search, limit, offset],
    queryFn: ({ signal }) => people.members(search, limit, offset, signal),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
    enabled: usePermissions().may(needs.seeTeam),
  });
}

export function useMember(id: string) {
  return useQuery({ queryKey: peopleKeys.member(id), queryFn: () => people.member(id) });
}

/** A person's roles; only who may assign roles sees them. */
export function useAssignments(id: string) {
  return useQuery({
    queryKey: peopleKeys.assignments(id),
    queryFn: () => people.assignments(id),
    enabled: usePermissions().may(needs.roles),
    staleTime: 30_000,
  });
}

export function useRoles() {
  return useQuery({
    queryKey: peopleKeys.roles,
    queryFn: people.roles,
    enabled: usePermissions().may(needs.roles),
  });
}

/** All permissions that there are; they change with the server only. */
export function useCatalogue() {
  return useQuery({ queryKey: peopleKeys.catalogue, queryFn: people.catalogue, staleTime: 3_600_000 });
}

export function useLimits() {
  return useQuery({ queryKey: peopleKeys.limits, queryFn: people.limits, staleTime: 15_000 });
}

/** Who can grant permissions: the organization's administrators, where the team may be seen. */
export function useGrantors() {
  const { kind } = useSession();
  const { may } = usePermissions();
  const { data } = useQuery({
    queryKey: [...peopleKeys.members, 'list', '', 200, 0],
    queryFn: ({ signal }) => people.members('', 200, 0, signal),
    enabled: kind === 'customer' && may(needs.seeTeam),
    staleTime: 60_000,
  });
  return (data?.users ?? []).filter((u) => u.enabled && u.roles.includes('tenant-admin'));
}

/** Everything about people is asked anew: who they are, what they may do, what is used of the limits. */
export function useRefreshPeople() {
  const queries = useQueryClient();
  return () => {
    for (const key of [
      peopleKeys.members,
      peopleKeys.roles,
      peopleKeys.limits,
      peopleKeys.serviceAccounts,
      myPermissionsKey,
    ])
      void queries.invalidateQueries({ queryKey: key });
    // Events are written a moment after what they tell.
    setTimeout(() => void queries.invalidateQueries({ queryKey: ['audit-log'] }), 1500);
  };
}
