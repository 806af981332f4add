import { useQuery, useQueryClient } from '@tanstack/react-query';
import { groupsApi } from '@/api/groups';
import type { GroupMember } from '@/api/types';
import { useLines } from '@/lib/use-lines';
import { usePolling } from '@/live/hooks';

const membersAtOnce = 100;

export function useGroups() {
  const polling = usePolling();
  return useQuery({ queryKey: ['device-groups'], queryFn: groupsApi.list, refetchInterval: polling });
}

/** The members page by page. */
export function useMembers(groupId: string) {
  return useLines<GroupMember>(['device-groups', groupId, 'members'], (offset) =>
    groupsApi
      .members(groupId, membersAtOnce, offset)
      .then(({ members, total }) => ({ lines: members, total })),
  );
}

export function useRefreshGroups() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: ['device-groups'] });
}
