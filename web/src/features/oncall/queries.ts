import { useQuery, useQueryClient } from '@tanstack/react-query';
import { oncall } from '@/api/oncall';
import { usePermissions } from '@/auth/permissions';
import { people } from '@/api/people';
import { usePolling } from '@/live/hooks';

// The server tells of changes by this name.
export const oncallKey = ['oncall'];

export function useSchedules() {
  const polling = usePolling();
  return useQuery({
    queryKey: [...oncallKey, 'schedules'],
    queryFn: oncall.schedules,
    refetchInterval: polling,
  });
}

/** Who is on call now; asked anew each minute, since shifts end by themselves. */
export function useEveryCurrent() {
  return useQuery({
    queryKey: [...oncallKey, 'current'],
    queryFn: oncall.everyCurrent,
    refetchInterval: 60_000,
  });
}

export function useTimeline(id: number, days: number, start: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...oncallKey, 'timeline', id, days, start],
    queryFn: () => oncall.timeline(id, { days, start: new Date(start).toISOString() }),
    refetchInterval: polling,
    placeholderData: (before) => before,
  });
}

export function useFeeds(id: number) {
  return useQuery({ queryKey: ['oncall-feeds', id], queryFn: () => oncall.feeds(id) });
}

/** Names that may stand in a rotation, where the reader may see the team. */
export function usePeopleNames(): string[] {
  const { may } = usePermissions();
  const found = useQuery({
    queryKey: ['users', 'names'],
    queryFn: () => people.members('', 100, 0),
    enabled: may('users.read'),
    staleTime: 60_000,
  });
  return found.data?.users.map((u) => u.username) ?? [];
}

export function useRefreshOncall() {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: oncallKey });
    void queries.invalidateQueries({ queryKey: ['oncall-feeds'] });
  };
}
