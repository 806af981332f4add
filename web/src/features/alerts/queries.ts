import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { alerting, type AlertAction, type AlertFilter, type AlertTarget } from '@/api/alerts';
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

export interface Act {
  action: AlertAction;
  target: AlertTarget;
  /** Of a silence. */
  minutes?: number;
}

/** Acts on one alert or many, and says what became of them. */
export function useAct() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ action, target, minutes }: Act) => alerting.act(action, target, minutes),
    onSuccess: (result, { action }) => {
      if (result.changed === 0) toast.info('Somebody was faster: nothing was left to do.');
      else toast.success(`${many(result.changed, 'alert')} ${past[action]}`);
      void queries.invalidateQueries({
        predicate: ({ queryKey: [first] }) =>
          first === 'alerts' || (typeof first === 'string' && first.startsWith('alert:')),
      });
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
