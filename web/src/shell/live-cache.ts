// Pushed status changes go into whatever lists and details are cached, so that every page shows
// them without asking.
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { Device, DeviceList } from '@/api/types';
import { useLiveConnection, useStatusEvents } from '@/live/hooks';
import type { StatusEvent } from '@/live/hub';

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

export function useLiveCache(): void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLiveConnection();
  useStatusEvents((events) => {
    recentChanges.unshift(...[...events].reverse());
    recentChanges.length = Math.min(recentChanges.length, kept);
    applyStatus(queries, events);
    // Counts per site change with it; asked at most once in two seconds.
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void queries.invalidateQueries({ queryKey: ['sites'] });
    }, 2000);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}
