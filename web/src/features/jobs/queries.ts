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

/** A job with one page of its executions; asked anew as the server tells that the job moves. */
export function useJob(id: string, status: string | null, offset: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['jobs', 'one', id, status, offset],
    queryFn: () =>
      updates.job(id, { ...(status ? { execution_status: status } : {}), limit: 50, offset }),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
  });
}

export function useRefreshJobs() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: ['jobs'] });
}
