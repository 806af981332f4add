import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { instances } from '@/api/instances';
import { usePolling } from '@/live/hooks';

export function useModules(id: string) {
  return useQuery({ queryKey: ['device-modules', id], queryFn: () => instances.modules(id) });
}

export function useSensors(id: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: ['device-sensors', id],
    queryFn: () => instances.sensors(id),
    // Last values are not pushed here; the server keeps them up to date.
    refetchInterval: polling || 10_000,
  });
}

export function useTransports(id: string) {
  return useQuery({ queryKey: ['device-transports', id], queryFn: () => instances.transports(id) });
}

/** Something that changes what a device has: all that shows it is asked anew. */
export function useHardwareWrite<In, Out>(
  act: (input: In) => Promise<Out>,
  then: { onSuccess?: (made: Out, input: In) => void; onError?: (error: unknown) => void } = {},
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (made, input) => {
      for (const key of ['device-modules', 'device-sensors', 'device-transports', 'device', 'metrics', 'sensors'])
        void queries.invalidateQueries({ queryKey: [key] });
      then.onSuccess?.(made, input);
    },
    onError: then.onError,
  });
}
