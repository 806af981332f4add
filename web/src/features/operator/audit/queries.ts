import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { operatorApi, type AuditEvent, type EventFilter, type StaffFilter, type StaffLine } from '@/api/operator';
import type { LogSource } from '@/features/audit/log-list';
import { useStaffPolling } from '../staff';

/** A log that is asked page by page; only its first page is asked again by itself. */
function useLog<T>(
  key: readonly unknown[],
  ask: (limit: number, offset: number, signal: AbortSignal) => Promise<{ lines: T[]; total: number }>,
  limit: number,
): LogSource<T> {
  const polling = useStaffPolling();
  const query = useInfiniteQuery({
    queryKey: ['operator', ...key, limit],
    queryFn: ({ pageParam, signal }) => ask(limit, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const sofar = pages.reduce((sum, page) => sum + page.lines.length, 0);
      return last.lines.length > 0 && sofar < last.total ? sofar : undefined;
    },
    placeholderData: keepPreviousData,
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? false : polling),
  });
  const pages = query.data?.pages ?? [];
  return {
    lines: pages.flatMap((page) => page.lines),
    total: pages.at(-1)?.total ?? null,
    pending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    loadingMore: query.isFetchingNextPage,
  };
}

/** What happened in tenants and on the platform. */
export const useEvents = (filter: EventFilter, limit = 100): LogSource<AuditEvent> =>
  useLog(
    ['events', filter],
    (most, offset, signal) =>
      operatorApi
        .events(filter, most, offset, signal)
        .then((r) => ({ lines: r.events, total: r.total })),
    limit,
  );

/** What staff did and looked at. */
export const useStaffLog = (filter: StaffFilter, limit = 100): LogSource<StaffLine> =>
  useLog(
    ['staff-log', filter],
    (most, offset, signal) =>
      operatorApi
        .staffLog(filter, most, offset, signal)
        .then((r) => ({ lines: r.entries, total: r.total })),
    limit,
  );
