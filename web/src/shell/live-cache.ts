// What is pushed goes into whatever lists and details are cached, so that every page shows it
// without asking; what a push cannot tell (who belongs into a list by status) is asked anew.
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import type { DeviceFilter } from '@/api/customer';
import type { Device, DeviceList } from '@/api/types';
import { useAlertEvents, useChangeEvents, useLiveConnection, useStatusEvents } from '@/live/hooks';
import type { StatusEvent } from '@/live/hub';
import { Refresher } from '@/live/refresher';

const kept = 30;
/** The latest status changes seen by this window, newest first. */
export const recentChanges: StatusEvent[] = [];

export function applyStatus(queries: QueryClient, events: StatusEvent[]): void {
  const byId = new Map(events.map((e) => [e.device_id, e]));
  const renew = (d: Device): Device => {
    const e = byId.get(d.device_id);
    return e ? { ...d, status: e.status, last_state_change_at: e.since } : d;
  };
  queries.setQueriesData<DeviceList>({ queryKey: ['devices'] }, (old) =>
    old && old.devices.some((d) => byId.has(d.device_id))
      ? { ...old, devices: old.devices.map(renew) }
      : old,
  );
  for (const id of byId.keys())
    queries.setQueryData<Device>(['device', id], (old) => (old ? renew(old) : old));
}

/** Lists whose members or order depend on status: patching their rows is not enough. */
const byStatus = 'lists by status';

/** Queries (by the first member of their key) that a write of this kind touches. */
const touched: Record<string, readonly string[]> = {
  devices: [
    'devices',
    'device',
    'device-summary',
    'device-modules',
    'device-sensors',
    'device-transports',
    'sites',
    'tags',
    'device-groups',
  ],
  certificates: ['certificates', 'certificate-authorities'],
  // Who may do what hangs together: people, their roles, and the caller's own permissions.
  users: ['users', 'roles', 'limits', 'my-permissions'],
  roles: ['roles', 'users', 'my-permissions'],
};

/** What shows alerts that stand, in lists and beside them: not how many there are. */
const standingAlerts = 'standing alerts';

/** Asks anew what depends on the named things; queries that no page shows wait until one does. */
export function refresh(queries: QueryClient, what: ReadonlySet<string>): void {
  for (const name of what) {
    if (name === standingAlerts)
      void queries.invalidateQueries({
        predicate: ({ queryKey: [first, second] }) =>
          (first === 'alerts' && second === 'list') || (typeof first === 'string' && first.startsWith('alert:')),
      });
    else if (name !== byStatus) void queries.invalidateQueries({ queryKey: [name] });
    else
      void queries.invalidateQueries({
        queryKey: ['devices'],
        predicate: (query) => {
          const filter = query.queryKey[1] as DeviceFilter | undefined;
          return (
            Boolean(filter?.status) ||
            Boolean(filter?.sort?.includes('status')) ||
            // A group may go by status, too.
            /\b(status|group):/i.test(filter?.q ?? '')
          );
        },
      });
  }
}

/** What to ask anew after a status change. */
export const afterStatus = [byStatus, 'sites'] as const;
/** What to ask anew after a write; any of them may complete a step of Getting Started. */
export const afterChange = (what: string) => {
  // Alerts that stand were found again: their counts, times and summaries.
  if (what === 'alerts:repeated') return [standingAlerts];
  // "twin:{device}" and the like are about one device, and complete nothing.
  return what.includes(':') ? [what] : [...(touched[what] ?? [what]), 'getting-started'];
};

/** What to ask anew after a transition of an alert. */
export const afterAlert = (id: number) => ['alerts', `alert:${id}`, 'alert-rules', 'device-summary', 'sites'];

/** Keeps the live connection and the cache together while the application of a tenant is open. */
export function useLiveCache(): void {
  const queries = useQueryClient();
  const refresher = useMemo(
    () => new Refresher<string>((what) => refresh(queries, what)),
    [queries],
  );
  useLiveConnection();
  useStatusEvents((events) => {
    recentChanges.unshift(...[...events].reverse());
    recentChanges.length = Math.min(recentChanges.length, kept);
    applyStatus(queries, events);
    refresher.ask(...afterStatus);
  });
  useChangeEvents((e) => refresher.ask(...afterChange(e.what)));
  useAlertEvents((e) => refresher.ask(...afterAlert(e.alert.alert_id)));
  useEffect(() => () => refresher.stop(), [refresher]);
}
