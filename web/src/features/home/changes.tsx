import { useQueries, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { Link } from 'react-router';
import { api } from '@/api/customer';
import type { Device, DeviceList } from '@/api/types';
import { useDevicePage } from '@/features/devices/queries';
import { useLiveDevices } from '@/features/devices/use-rows';
import { useStatusEvents } from '@/live/hooks';
import { Refresher } from '@/live/refresher';
import { recentChanges } from '@/shell/live-cache';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';
import { DeviceRows, toDevice, useSiteName } from './attention';

/** Rows of the list. */
const shown = 12;

type Facts = Pick<Device, 'name' | 'site_id'>;

/** A device of any list that was asked for. */
export function inLists(queries: QueryClient, id: string): Facts | undefined {
  for (const [, list] of queries.getQueriesData<DeviceList>({ queryKey: ['devices'] })) {
    const found = list?.devices.find((d) => d.device_id === id);
    if (found) return { name: found.name, site_id: found.site_id };
  }
  return undefined;
}

/** Name and site of these devices: from the lists at hand, else asked for once. */
function useFacts(ids: string[]): (id: string) => Facts | undefined {
  const queries = useQueryClient();
  const results = useQueries({
    queries: ids.map((id) => ({
      queryKey: ['device-facts', id],
      queryFn: async (): Promise<Facts> => {
        const { name, site_id } = await api.device(id);
        return { name, site_id };
      },
      initialData: () => inLists(queries, id),
      staleTime: 300_000,
      retry: false,
    })),
  });
  const known = new Map(ids.map((id, i) => [id, results[i]?.data]));
  return (id) => known.get(id);
}

/** Status changes as they happen; below them other devices, with what they send. */
export function Changes() {
  const [changes, setChanges] = useState(() => recentChanges.slice(0, shown));
  // A whole fleet may fall silent at once: the list follows at most once a second.
  const follow = useMemo(
    () => new Refresher<string>(() => setChanges(recentChanges.slice(0, shown)), 1000),
    [],
  );
  useEffect(() => () => follow.stop(), [follow]);
  useStatusEvents(() => follow.ask('changes'));
  const ids = useMemo(() => [...new Set(changes.map((c) => c.device_id))], [changes]);
  const facts = useFacts(ids);
  const siteName = useSiteName();
  const heard = useDevicePage({ status: 'ONLINE' }, shown);
  const others = (heard.data?.devices ?? [])
    .filter((d) => d.status === 'ONLINE' && !ids.includes(d.device_id))
    .slice(0, shown - changes.length);
  const live = useLiveDevices(others.map((d) => d.device_id));
  return (
    <Panel title="Recently changed" aside="as it happens">
      {changes.length > 0 && (
        <ul aria-live="polite" aria-label="Status changes">
          {changes.map((c) => {
            const known = facts(c.device_id);
            return (
              <li
                key={`${c.device_id} ${c.status} ${c.since}`}
                data-change={c.device_id}
                className="fresh border-b last:border-b-0"
              >
                <Link
                  to={toDevice(c.device_id)}
                  className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-3 px-3 py-1.5 hover:bg-surface-2 sm:grid-cols-[minmax(0,1fr)_9rem_7rem]"
                >
                  <span className="truncate">
                    {known?.name ?? c.device_id}{' '}
                    <span className="text-12 text-ink-3">
                      {known ? siteName(known.site_id) : ''}
                    </span>
                  </span>
                  <span className="flex items-center gap-1">
                    <span className="text-12 text-ink-3">now</span> <StatusMark status={c.status} />
                  </span>
                  <span className="hidden text-right text-ink-3 sm:block">
                    <Ago at={c.since} never="just now" />
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
      {heard.error && changes.length === 0 ? (
        <Failure error={heard.error} what="Recent devices" retry={() => void heard.refetch()} />
      ) : heard.isPending ? (
        <SkeletonRows rows={5} />
      ) : others.length === 0 && changes.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          Devices that come online or fall silent show here the moment it happens.
        </p>
      ) : (
        <>
          {changes.length > 0 && others.length > 0 && (
            <h3 className="border-b bg-surface-2 px-3 py-1 text-12 text-ink-2">Online meanwhile</h3>
          )}
          <DeviceRows devices={others.map(live)} />
        </>
      )}
    </Panel>
  );
}
