import { useQuery } from '@tanstack/react-query';
import { people, type Subscription, type SubscriptionEvent, type SubscriptionStatus } from '@/api/people';
import { useLines, type LineSource } from '@/lib/use-lines';
import { usePolling } from '@/live/hooks';

const pageSize = 200;

/** A part of the device's id, and a state, or those that are over too. */
export interface Wanted {
  q: string;
  status: SubscriptionStatus | 'all' | null;
}

// Devices are what begins and ends a subscription: the keys' first word is what the server tells of.

/** The subscriptions that fit, newest first; the last page tells about all. */
export function useSubscriptions({ q, status }: Wanted) {
  return useLines<Subscription, Awaited<ReturnType<typeof page>>>(
    ['devices', 'subscriptions', q, status],
    page,
    usePolling(),
  );
  function page(offset: number, signal: AbortSignal) {
    return people
      .subscriptions(
        {
          limit: pageSize,
          offset,
          ...(q ? { q } : undefined),
          ...(status === 'all' ? { include_expired: true } : status ? { status } : undefined),
        },
        signal,
      )
      .then((r) => ({ lines: r.subscriptions, total: r.total, summary: r.summary }));
  }
}

export function useSubscription(id: string) {
  return useQuery({
    queryKey: ['devices', 'subscription', id],
    queryFn: () => people.subscription(id),
  });
}

/** What the subscriptions went through, newest first. */
export const useHistory = (limit = 20): LineSource<SubscriptionEvent> =>
  useLines<SubscriptionEvent>(['devices', 'subscription-history', limit], (offset, signal) =>
    people
      .subscriptionHistory(limit, offset, signal)
      .then((r) => ({ lines: r.events, total: r.total })),
  );
