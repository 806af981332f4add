import { useQuery } from '@tanstack/react-query';
import { imports, type ImportJob } from '@/api/imports';
import { usePolling } from '@/live/hooks';

/** True while rows of it wait to be written. */
export const underWay = (job: ImportJob): boolean =>
  job.status === 'queued' || job.status === 'running';

export function useImports() {
  const polling = usePolling();
  return useQuery({
    queryKey: ['imports'],
    queryFn: imports.list,
    refetchInterval: (query) => (query.state.data?.some(underWay) ? polling : false),
  });
}

export function useImport(id: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['imports', id],
    queryFn: () => imports.one(id),
    refetchInterval: (query) => {
      const job = query.state.data;
      return job && !underWay(job) ? false : polling;
    },
  });
}
