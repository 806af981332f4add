import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { updates } from '@/api/updates';
import { usePolling } from '@/live/hooks';

export function useJobs(status: string | null, limit: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['jobs', 'list', status, limit],
    queryFn: () => updates.jobs({ ...(status ? { status } : {}), limit, offset: 0 }),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
  });
}

/** A job with one page of its executions. Devices' progress is not pushed: it is asked for while the job is open. */
export function useJob(id: string, status: string | null, offset: number) {
  return useQuery({
    queryKey: ['jobs', 'one', id, status, offset],
    queryFn: () =>
      updates.job(id, { ...(status ? { execution_status: status } : {}), limit: 50, offset }),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.open_count ? 5000 : false),
  });
}

export function useRefreshJobs() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: ['jobs'] });
}
