// What is known of the chosen mark, over the map's corner.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Site } from '@/api/types';
import { metricFacts } from '@/features/device/metric-facts';
import { useDevice, useMetrics } from '@/features/device/queries';
import { useLiveDevice } from '@/features/device/use-live-device';
import { FleetBar } from '@/features/home/fleet-bar';
import { count, decimalsOf, withUnit } from '@/lib/numbers';
import { Button, ButtonLink } from '@/ui/button';
import { CloseIcon } from '@/ui/icons';
import { Failure, Skeleton } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';

const most = 6;

function Card({ title, onClose, children }: { title: ReactNode; onClose: () => void; children: ReactNode }) {
  return (
    <section
      aria-label="Chosen on the map"
      className="pop absolute right-2 bottom-8 left-2 z-10 max-h-[55%] sm:max-h-[80%] overflow-y-auto rounded-m border bg-surface shadow-pop sm:right-auto sm:bottom-2 sm:w-80"
    >
      <div className="flex items-center justify-between gap-2 border-b py-1 pr-1 pl-3">
        <h2 className="min-w-0 truncate">{title}</h2>
        <Button small kind="quiet" aria-label="Close" onClick={onClose}>
          <CloseIcon />
        </Button>
      </div>
      {children}
    </section>
  );
}

export function DeviceCard({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useDevice(id);
  const infos = useMetrics(id);
  useLiveDevice(id);
  const d = query.data;
  const facts = d ? metricFacts(d, infos.data).filter((m) => m.value !== null) : [];
  return (
    <Card title={d?.name || id} onClose={onClose}>
      {query.error && !d ? (
        <Failure error={query.error} what={`Device ${id}`} retry={() => void query.refetch()} />
      ) : !d ? (
        <div className="p-3">
          <Skeleton className="h-24" />
        </div>
      ) : (
        <>
          <div className="flex flex-wrap items-center gap-x-3 px-3 pt-2">
            <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />
            <span className="text-ink-2">
              seen <Ago at={d.last_seen_at} />
            </span>
          </div>
          {facts.length === 0 ? (
            <p className="px-3 py-2 text-ink-2">It has not sent any values yet.</p>
          ) : (
            <dl className="py-1">
              {facts.slice(0, most).map((m) => (
                <div key={m.key} className="flex min-h-6.5 items-center justify-between gap-3 px-3">
                  <dt className="truncate text-ink-2">{m.name}</dt>
                  <dd className="num text-right" data-metric={m.key}>
                    {withUnit(
                      m.value,
                      m.unit,
                      typeof m.value === 'number' ? decimalsOf([m.value], m.digits) : 0,
                    )}
                  </dd>
                </div>
              ))}
            </dl>
          )}
          <div className="flex flex-wrap gap-2 px-3 pb-3">
            <ButtonLink small kind="primary" to={`/devices/${encodeURIComponent(id)}`}>
              Open device
            </ButtonLink>
            {d.site_id && (
              <ButtonLink small to={`/sites/${encodeURIComponent(d.site_id)}`}>
                Site
              </ButtonLink>
            )}
          </div>
        </>
      )}
    </Card>
  );
}

export function SiteCard({ site: s, onClose }: { site: Site; onClose: () => void }) {
  return (
    <Card title={s.name} onClose={onClose}>
      <div className="flex flex-col gap-2 p-3">
        {s.location && <p className="text-ink-2">{s.location}</p>}
        <p className="num text-ink-2">
          {s.device_count === 0
            ? 'No devices yet'
            : `${count(s.online_count)} online · ${count(s.stale_count)} stale · ${count(s.offline_count)} offline`}
        </p>
        {s.device_count > 0 && (
          <FleetBar online={s.online_count} stale={s.stale_count} offline={s.offline_count} />
        )}
        <div className="flex flex-wrap gap-2">
          <ButtonLink small kind="primary" to={`/sites/${encodeURIComponent(s.site_id)}`}>
            Open site
          </ButtonLink>
          {s.device_count > 0 && (
            <ButtonLink small to={`/devices?q=${encodeURIComponent(`site:${s.site_id}`)}`}>
              Its devices
            </ButtonLink>
          )}
        </div>
      </div>
    </Card>
  );
}

/** Devices that stand at the very same place. */
export function HeapCard({ ids, names, onClose }: { ids: string[]; names: string[]; onClose: () => void }) {
  return (
    <Card title={`${count(ids.length)} devices at one place`} onClose={onClose}>
      <ul className="py-1">
        {ids.slice(0, 200).map((id, i) => (
          <li key={id}>
            <Link
              to={`/devices/${encodeURIComponent(id)}`}
              className="block truncate px-3 py-1 hover:bg-surface-2 focus-visible:-outline-offset-2"
            >
              {names[i]}
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}
