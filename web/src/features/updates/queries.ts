import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { updates } from '@/api/updates';
import { usePolling } from '@/live/hooks';

/** Every campaign's list and page follow what is pushed under this name. */
export const campaignsKey = 'campaigns';

export function useCampaigns(status: string | null, limit: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [campaignsKey, 'list', status, limit],
    queryFn: () => updates.campaigns({ ...(status ? { status } : {}), limit, offset: 0 }),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
  });
}

export function useCampaign(id: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [campaignsKey, 'one', id],
    queryFn: () => updates.campaign(id),
    enabled: Number.isInteger(id),
    refetchInterval: polling,
  });
}

export function useCampaignDevices(id: number, status: string | null, offset: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [campaignsKey, 'devices', id, status, offset],
    queryFn: () =>
      updates.campaignDevices(id, { ...(status ? { status } : {}), limit: 50, offset }),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
  });
}

export function useFirmware() {
  return useQuery({
    queryKey: ['firmware'],
    queryFn: () => updates.firmware({ limit: 200, offset: 0 }),
  });
}

export function useRefreshCampaigns() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: [campaignsKey] });
}
