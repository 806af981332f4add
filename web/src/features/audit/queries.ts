import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { people, type AuditEvent, type AuditFilter } from '@/api/people';
import { useChangeEvents, usePolling } from '@/live/hooks';
import type { LogSource } from './log-list';

/** Events are written a moment after what they tell of. */
const lag = 1500;

/** The organization's events that fit, newest first; more on demand. */
export function useAuditLog(filter: AuditFilter, limit = 100): LogSource<AuditEvent> {
  const polling = usePolling();
  const query = useInfiniteQuery({
    queryKey: ['audit-log', filter, limit],
    queryFn: ({ pageParam, signal }) => people.auditLog(filter, limit, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const sofar = pages.reduce((sum, page) => sum + page.events.length, 0);
      return last.events.length > 0 && sofar < last.total ? sofar : undefined;
    },
    placeholderData: keepPreviousData,
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? false : polling),
  });
  const pages = query.data?.pages ?? [];
  // What was written anywhere has left a line; only the first page is asked for it by itself.
  const { refetch } = query;
  const first = pages.length <= 1;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useChangeEvents(() => {
    clearTimeout(timer.current);
    if (first) timer.current = setTimeout(() => void refetch(), lag);
  });
  // And what was done just before the page was opened may have had no line yet.
  useEffect(() => {
    timer.current = setTimeout(() => void refetch(), lag);
    return () => clearTimeout(timer.current);
  }, [refetch]);
  return {
    lines: pages.flatMap((page) => page.events),
    total: pages.at(-1)?.total ?? null,
    pending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    loadingMore: query.isFetchingNextPage,
  };
}
