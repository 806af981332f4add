import { useQuery } from '@tanstack/react-query';
import { control } from '@/api/control';
import { usePolling } from '@/live/hooks';

// The first member of these keys is what the server tells when the twin of a device changes.
export const twinKey = (id: string) => [`twin:${id}`];

export function useTwin(id: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...twinKey(id), 'now'],
    queryFn: () => control.twin(id),
    refetchInterval: polling,
  });
}

export function useTwinHistory(id: string) {
  return useQuery({
    queryKey: [...twinKey(id), 'history'],
    queryFn: () => control.twinHistory(id),
  });
}
