import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api } from '@/api/customer';
import { usePolling } from '@/live/hooks';
import { rangeKey, toQuery, type Range } from './range';

export function useDevice(id: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['device', id],
    queryFn: () => api.device(id),
    refetchInterval: polling,
  });
}

export function useMetrics(id: string) {
  return useQuery({
    queryKey: ['metrics', id],
    queryFn: () => api.metrics(id),
    staleTime: 60_000,
  });
}

/** How many points a chart asks for: about one per two pixels of a wide screen. */
const budget = 600;

/** What the charts ask for at this moment. */
export const historyQuery = (metrics: string[], range: Range) => ({
  metric: metrics,
  ...toQuery(range, Date.now() / 1000),
  points: budget,
});

export function useHistory(id: string, metrics: string[], range: Range) {
  // Live data grows the series; asking anew now and then mends what a connection lost.
  const polling = usePolling() || 60_000;
  return useQuery({
    queryKey: ['history', id, metrics, rangeKey(range)],
    queryFn: ({ signal }) =>
      api.history(id, historyQuery(metrics, range), signal),
    enabled: metrics.length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: range.kind === 'quick' ? polling : false,
    staleTime: 30_000,
  });
}

export function useTokens(id: string) {
  return useQuery({ queryKey: ['tokens', id], queryFn: () => api.tokens(id) });
}
