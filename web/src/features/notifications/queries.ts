import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { notifications } from '@/api/notifications';

// The server tells of changes by these names.
export const channelsKey = ['notification-channels'];
export const rulesKey = ['notification-routing-rules'];
export const jobsKey = ['notification-jobs'];

export const useChannels = () => useQuery({ queryKey: channelsKey, queryFn: notifications.channels });
export const useRules = () => useQuery({ queryKey: rulesKey, queryFn: notifications.rules });

export const pageSize = 50;

export function useDeliveries(status: string, channel: string, alert: string, page: number) {
  return useQuery({
    queryKey: [...jobsKey, status, channel, alert, page],
    queryFn: () =>
      notifications.jobs({
        ...(status ? { status } : {}),
        ...(channel ? { integration_id: channel } : {}),
        ...(alert ? { alert_id: Number(alert) } : {}),
        limit: pageSize,
        offset: page * pageSize,
      }),
    placeholderData: keepPreviousData,
  });
}

export const useAttempts = (job: number) =>
  useQuery({ queryKey: [...jobsKey, 'attempts', job], queryFn: () => notifications.attempts(job) });
