import { Link } from 'react-router';
import { GatedLink } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useFleetSummary } from '@/features/devices/queries';
import { useSites } from '@/features/sites/queries';
import { count, many } from '@/lib/numbers';
import { ButtonLink } from '@/ui/button';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { StatusShape } from '@/ui/status';
import { useTitle } from '@/ui/time';
import { Attention } from './attention';
import { Changes } from './changes';
import { FleetBar } from './fleet-bar';

function SiteList() {
  const sites = useSites();
  return (
    <Panel
      title="Sites"
      aside={
        <Link to="/sites" className="text-accent hover:underline">
          All sites
        </Link>
      }
    >
      {sites.error ? (
        <Failure error={sites.error} what="Sites" retry={() => void sites.refetch()} />
      ) : sites.isPending ? (
        <SkeletonRows rows={3} />
      ) : sites.data.length === 0 ? (
        <Empty
          title="No site yet"
          action={
            <GatedLink needs={needs.createSite} kind="primary" to="/sites?new=1">
              Create a site
            </GatedLink>
          }
        >
          A site is a place where devices stand. Devices belong to one.
        </Empty>
      ) : (
        <ul>
          {sites.data.slice(0, 10).map((s) => (
            <li key={s.site_id} className="border-b last:border-b-0">
              <Link
                to={`/sites/${encodeURIComponent(s.site_id)}`}
                className="grid grid-cols-[minmax(0,1fr)_8rem] items-center gap-x-4 gap-y-1 px-3 py-2 hover:bg-surface-2"
              >
                <span className="truncate">{s.name}</span>
                <FleetBar online={s.online_count} stale={s.stale_count} offline={s.offline_count} />
                <span className="truncate text-12 text-ink-3">{s.location ?? s.site_id}</span>
                <span className="num text-right text-12 text-ink-2">
                  {count(s.online_count)} of {many(s.device_count, 'device')}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** The fleet at a glance. */
export default function HomePage() {
  useTitle('Home');
  const summary = useFleetSummary();
  const s = summary.data;
  if (s && s.total === 0)
    return (
      <>
        <PageHeader title="Home" />
        <div className="panel">
          <Empty
            title="Your fleet starts with one device"
            action={
              <>
                <ButtonLink kind="primary" to="/fleet/getting-started">
                  Get started in five steps
                </ButtonLink>
                <GatedLink needs={needs.createDevice} to="/devices?new=1">
                  Add a device
                </GatedLink>
              </>
            }
          >
            Add a device, run one command, and watch its first message arrive here.
          </Empty>
        </div>
      </>
    );
  return (
    <>
      <PageHeader
        title="Home"
        facts={s && <span>{many(s.total, 'device')}</span>}
        actions={
          <GatedLink needs={needs.createDevice} kind="primary" to="/devices?new=1">
            Add device
          </GatedLink>
        }
      />
      <section aria-label="Fleet" className="panel mb-4 px-4 py-3">
        {summary.error && !s ? (
          <Failure
            error={summary.error}
            what="The fleet's counts"
            retry={() => void summary.refetch()}
          />
        ) : !s ? (
          <Skeleton className="h-16" />
        ) : (
          <>
            <dl className="mb-3 flex flex-wrap gap-x-10 gap-y-2" data-testid="fleet-counts">
              {(
                [
                  ['ONLINE', 'Online', 'text-online', s.ONLINE],
                  ['STALE', 'Stale', 'text-stale', s.STALE],
                  ['OFFLINE', 'Offline', 'text-offline', s.OFFLINE],
                ] as const
              ).map(([status, word, colour, n]) => (
                <div key={status}>
                  <dt className={`flex items-center gap-1.5 ${colour}`}>
                    <StatusShape status={status} />
                    {word}
                  </dt>
                  <dd className="num text-28 leading-9 font-semibold">
                    <Link
                      to={`/devices?q=status%3A${word.toLowerCase()}`}
                      className="hover:underline"
                      aria-label={`${count(n)} ${word.toLowerCase()}, show them`}
                    >
                      {count(n)}
                    </Link>
                  </dd>
                </div>
              ))}
              {typeof s.alerts_open === 'number' && (
                <div>
                  <dt className="text-ink-2">Open alerts</dt>
                  <dd className="num text-28 leading-9 font-semibold">
                    <Link
                      to="/alerts"
                      className="hover:underline"
                      aria-label={`${count(s.alerts_open)} open alerts, show them`}
                    >
                      {count(s.alerts_open)}
                    </Link>
                  </dd>
                </div>
              )}
              {typeof s.active_sensors === 'number' && (
                <div>
                  <dt className="text-ink-2">Sensors</dt>
                  <dd className="num text-28 leading-9 font-semibold">{count(s.active_sensors)}</dd>
                </div>
              )}
            </dl>
            <FleetBar online={s.ONLINE} stale={s.STALE} offline={s.OFFLINE} />
          </>
        )}
      </section>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <Attention />
          <SiteList />
        </div>
        <Changes />
      </div>
    </>
  );
}
