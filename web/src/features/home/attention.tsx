import { Link } from 'react-router';
import type { Device } from '@/api/types';
import { useDevicePage } from '@/features/devices/queries';
import { useSites } from '@/features/sites/queries';
import { cx } from '@/lib/cx';
import { count } from '@/lib/numbers';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';

export const toDevice = (id: string) => `/devices/${encodeURIComponent(id)}`;

/** Names of sites by their ids. */
export function useSiteName(): (id: string | null) => string {
  const sites = useSites();
  return (id) =>
    id === null || id === ''
      ? 'no site'
      : (sites.data?.find((s) => s.site_id === id)?.name ?? id);
}

/** Devices with their status and when they were last heard; `tight` leaves the latter out. */
export function DeviceRows({ devices, tight = false }: { devices: Device[]; tight?: boolean }) {
  const siteName = useSiteName();
  return (
    <ul>
      {devices.map((d) => (
        <li key={d.device_id} data-device={d.device_id} className="border-b last:border-b-0">
          <Link
            to={toDevice(d.device_id)}
            className={
              tight
                ? 'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 px-3 py-1.5 hover:bg-surface-2'
                : 'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 px-3 py-1.5 hover:bg-surface-2 sm:grid-cols-[minmax(0,1fr)_9rem_7rem]'
            }
          >
            <span className="truncate">
              {d.name ?? d.device_id}{' '}
              <span className="text-12 text-ink-3">{siteName(d.site_id)}</span>
            </span>
            <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />
            {!tight && (
              <span className="hidden text-right text-ink-3 sm:block">
                <Ago at={d.last_seen_at} never="never heard" />
              </span>
            )}
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** Silent devices: the stale ones, which a look may still save, before the offline ones. */
export function Attention({
  tight = false,
  quiet = false,
}: {
  tight?: boolean;
  /** On narrow screens not there while all is well. */
  quiet?: boolean;
}) {
  const offline = useDevicePage({ status: 'OFFLINE' }, 6);
  const stale = useDevicePage({ status: 'STALE' }, 6);
  const error = offline.error ?? stale.error;
  const devices = [...(stale.data?.devices ?? []), ...(offline.data?.devices ?? [])]
    .filter((d) => d.status !== 'ONLINE')
    .slice(0, 8);
  const silent: [string, number][] = [
    ['stale', stale.data?.total ?? 0],
    ['offline', offline.data?.total ?? 0],
  ];
  return (
    <Panel
      title="Silent devices"
      className={cx(quiet && !error && devices.length === 0 && 'max-lg:hidden')}
      aside={silent
        .filter(([, n]) => n > 0)
        .map(([word, n]) => (
          <Link
            key={word}
            to={`/devices?q=status%3A${word}`}
            className="num text-accent hover:underline"
          >
            All {count(n)} {word}
          </Link>
        ))}
    >
      {error ? (
        <Failure
          error={error}
          what="Silent devices"
          retry={() => {
            void offline.refetch();
            void stale.refetch();
          }}
        />
      ) : offline.isPending || stale.isPending ? (
        <SkeletonRows rows={5} />
      ) : devices.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">Every device was heard from in its interval.</p>
      ) : (
        <DeviceRows devices={devices} tight={tight} />
      )}
    </Panel>
  );
}
