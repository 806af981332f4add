import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { alerting, type AlertAction, type AlertFilter } from '@/api/alerts';
import { asApiError } from '@/api/errors';
import { usePolling } from '@/live/hooks';
import { many } from '@/lib/numbers';

// The first members of these keys are what the live connection tells when alerts change.
export function useAlerts(filter: AlertFilter, limit: number, enabled = true) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['alerts', 'list', filter, limit],
    queryFn: ({ signal }) => alerting.list(filter, limit, signal),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
    enabled,
  });
}

export function useAlert(id: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [`alert:${id}`, 'now'],
    queryFn: () => alerting.one(id),
    refetchInterval: polling,
  });
}

export function useTimeline(id: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [`alert:${id}`, 'timeline'],
    queryFn: () => alerting.timeline(id),
    refetchInterval: polling,
  });
}

export function useTrend() {
  return useQuery({ queryKey: ['alerts', 'trend'], queryFn: () => alerting.trend(24) });
}

const past: Record<AlertAction, string> = {
  acknowledge: 'acknowledged',
  close: 'closed',
  silence: 'silenced',
};

/** Acts on one alert or many, and says what became of them. */
export function useAct() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ action, ids, minutes }: { action: AlertAction; ids: number[]; minutes?: number }) =>
      alerting.act(action, ids, minutes),
    onSuccess: (result, { action, ids }) => {
      if (result.changed === 0) toast.info('Somebody was faster: nothing was left to do.');
      else toast.success(`${many(result.changed, 'alert')} ${past[action]}`);
      void queries.invalidateQueries({ queryKey: ['alerts'] });
      for (const id of ids) void queries.invalidateQueries({ queryKey: [`alert:${id}`] });
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
}

export function useComment(id: number) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (text: string) => alerting.comment(id, text),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [`alert:${id}`] }),
  });
}
