import { useQuery } from '@tanstack/react-query';
import { alerting } from '@/api/alerts';
import { usePolling } from '@/live/hooks';

/** How many alerts are open. */
export function useOpenAlertCount() {
  const polling = usePolling();
  return useQuery({
    queryKey: ['alerts', 'open count'],
    queryFn: () => alerting.list({ status: 'OPEN' }, 1).then((r) => r.total),
    refetchInterval: polling,
  });
}
