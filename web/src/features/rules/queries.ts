import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { instances } from '@/api/instances';
import { metricNames, rulesApi, type RuleInput } from '@/api/rules';
import { usePolling } from '@/live/hooks';

export const rulesKey = ['alert-rules'];

export function useRules() {
  const polling = usePolling();
  return useQuery({ queryKey: rulesKey, queryFn: rulesApi.list, refetchInterval: polling });
}

export const useRule = (id: string | null) =>
  useQuery({
    queryKey: [...rulesKey, id],
    queryFn: () => rulesApi.one(id!),
    enabled: id !== null,
  });

/** What a rule would have done; null while it can't be asked. */
export const usePreview = (rule: RuleInput | null, days: number) =>
  useQuery({
    queryKey: ['alert-rule-preview', rule, days],
    queryFn: ({ signal }) => rulesApi.preview(rule!, days, signal),
    enabled: rule !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    retry: false,
  });

export const useMetricReference = () =>
  useQuery({ queryKey: ['metric-names', 'reference'], queryFn: metricNames.reference });

/** Types of sensors that the fleet has, as far as its first sensors show. */
export function useSensorTypes(): string[] {
  const found = useQuery({
    queryKey: ['sensors', 'types'],
    queryFn: ({ signal }) => instances.fleetSensors({}, 500, 0, signal),
    staleTime: 60_000,
  });
  const types = (found.data?.sensors ?? []).flatMap((s) => (s.sensor_type ? [s.sensor_type] : []));
  return [...new Set(types)].sort();
}

/** A write of rules: what shows them asks anew. */
export function useRuleWrite<V, R>(
  write: (value: V) => Promise<R>,
  { onSuccess, onError }: { onSuccess?: (result: R) => void; onError?: (error: unknown) => void } = {},
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSuccess: (result) => {
      void queries.invalidateQueries({ queryKey: rulesKey });
      void queries.invalidateQueries({ queryKey: ['getting-started'] });
      onSuccess?.(result);
    },
    onError: onError ?? ((error: unknown) => void toast.error(asApiError(error).message)),
  });
}
