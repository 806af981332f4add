// Lists that are read page by page: the newest first, more on demand.
import { keepPreviousData, useInfiniteQuery, type QueryKey } from '@tanstack/react-query';

/** One answer: some lines, and how many there are in all. */
export interface LinesPage<T> {
  lines: T[];
  total: number;
}

/** The lines so far, and how to come to more. */
export interface LineSource<T> {
  lines: T[];
  total: number | null;
  pending: boolean;
  error: Error | null;
  retry: () => void;
  more: (() => void) | null;
  loadingMore: boolean;
}

/** `Page` may carry more than its lines: `last` is the page that came last. */
export function useLines<T, Page extends LinesPage<T> = LinesPage<T>>(
  key: QueryKey,
  ask: (offset: number, signal: AbortSignal) => Promise<Page>,
  /** How often (ms) it is asked again by itself, while only its first page is here; false: never. */
  polling: number | false = false,
): LineSource<T> & { last: Page | undefined; pages: number } {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => ask(pageParam, signal),
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
    last: pages.at(-1),
    pages: pages.length,
    pending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    loadingMore: query.isFetchingNextPage,
  };
}
