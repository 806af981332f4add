import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/customer';
import { usePolling } from '@/live/hooks';

export function useSites() {
  const polling = usePolling();
  return useQuery({ queryKey: ['sites'], queryFn: api.sites, refetchInterval: polling });
}
