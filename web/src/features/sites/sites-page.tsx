import { Suspense, useState } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import type { Site } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { FleetBar } from '@/features/home/fleet-bar';
import { count, many } from '@/lib/numbers';
import { lazyPart } from '@/lib/lazy-part';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { useUrl } from '@/lib/use-url';
import { useSites } from './queries';
import { SiteDialog } from './site-dialog';

const SitesMap = lazyPart(() => import('@/features/map/sites-map'));

function SiteRow({ site: s, onEdit }: { site: Site; onEdit: () => void }) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-b px-3 py-2 last:border-b-0 hover:bg-surface-2 md:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)_14rem_10rem_auto]">
      <div className="min-w-0">
        <Link
          to={`/sites/${encodeURIComponent(s.site_id)}`}
          className="block truncate font-medium hover:underline"
        >
          {s.name}
        </Link>
        <span className="block truncate font-mono text-12 text-ink-3">{s.site_id}</span>
      </div>
      <span className="hidden truncate text-ink-2 md:block">{s.location ?? ''}</span>
      <span className="num order-last text-12 text-ink-2 md:order-none md:text-13">
        {s.device_count === 0
          ? 'no devices'
          : `${count(s.online_count)} online · ${count(s.stale_count)} stale · ${count(s.offline_count)} offline`}
      </span>
      <div className="hidden md:block">
        {s.device_count > 0 && (
          <FleetBar online={s.online_count} stale={s.stale_count} offline={s.offline_count} />
        )}
      </div>
      <GatedButton
        needs={needs.editSite}
        small
        kind="quiet"
        onClick={onEdit}
        aria-label={`Edit ${s.name}`}
      >
        Edit
      </GatedButton>
    </li>
  );
}

export default function SitesPage() {
  useTitle('Sites');
  const sites = useSites();
  const { params, set: setUrl } = useUrl();
  const [editing, setEditing] = useState<Site | null>(null);
  const text = params.get('q') ?? '';
  const low = text.trim().toLowerCase();
  const shown = (sites.data ?? []).filter((s) =>
    [s.name, s.site_id, s.location ?? ''].some((x) => x.toLowerCase().includes(low)),
  );
  const map = params.get('view') === 'map';
  const set = (key: string, value: string | null) => setUrl({ [key]: value });
  const add = (
    <GatedButton needs={needs.createSite} kind="primary" onClick={() => set('new', '1')}>
      Create site
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Sites"
        facts={sites.data && <span>{many(sites.data.length, 'site')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/sites')} />
            {add}
          </>
        }
      />
      {(sites.data?.length ?? 0) > 0 && (
        <div className="mb-2.5 flex flex-wrap gap-2">
          <input
            data-search
            type="search"
            aria-label="Filter sites"
            value={text}
            onChange={(e) => set('q', e.target.value)}
            placeholder="Name, id or place"
            className="h-8 min-w-0 flex-1 rounded-m border border-line-strong bg-surface px-2.5 sm:max-w-80"
          />
          <Segmented
            label="Show sites as"
            value={map ? 'map' : 'list'}
            onChange={(v) => setUrl({ view: v === 'map' ? v : null, site: null, at: null }, false)}
            options={[
              { value: 'list', label: 'List' },
              { value: 'map', label: 'Map' },
            ]}
          />
        </div>
      )}
      <div className="panel">
        {sites.error && !sites.data ? (
          <Failure error={sites.error} what="Sites" retry={() => void sites.refetch()} />
        ) : sites.isPending ? (
          <SkeletonRows rows={4} label="Loading sites" />
        ) : sites.data.length === 0 ? (
          <Empty title="No sites yet" action={add}>
            A site is a place where devices stand: a hall, a branch, a truck. Devices belong to one,
            and lists, counts and alerts can be narrowed to it.
          </Empty>
        ) : shown.length === 0 ? (
          <Empty
            title={`No site is called “${text}”`}
            action={<Button onClick={() => set('q', null)}>Show all sites</Button>}
          />
        ) : map ? (
          <Suspense fallback={<Skeleton className="h-80" />}>
            <SitesMap sites={shown} />
          </Suspense>
        ) : (
          <ul>
            {shown.map((s) => (
              <SiteRow key={s.site_id} site={s} onEdit={() => setEditing(s)} />
            ))}
          </ul>
        )}
      </div>
      {params.get('new') === '1' && <SiteDialog site={null} onClose={() => set('new', null)} />}
      {editing && <SiteDialog site={editing} onClose={() => setEditing(null)} />}
    </>
  );
}
