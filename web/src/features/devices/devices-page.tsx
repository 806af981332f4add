import { Suspense, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { Navigate } from 'react-router';
import type { DeviceFilter } from '@/api/customer';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useSites } from '@/features/sites/queries';
import { count } from '@/lib/numbers';
import { termOf, withTerm } from '@/lib/query-line';
import { lazyPart } from '@/lib/lazy-part';
import { useStored } from '@/lib/use-stored';
import { Button, ButtonLink } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { Menu, MenuCheck, MenuItem } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { DownIcon } from '@/ui/icons';
import { useUrl } from '@/lib/use-url';
import { BulkBar } from './bulk-bar';
import { DeviceTable } from './device-table';
import { FleetTabs } from './fleet-tabs';
import { useFleetSummary } from './queries';
import { SearchHelp } from './search-help';
import { useSelection } from './selection';
import { ListMenu, SavedViews, ViewMenu, type Density } from './view-menu';

const NewDevice = lazyPart(() => import('./new-device'));

/** Tabs of devices that are pages of their own. */
const elsewhere: Record<string, string> = {
  map: '/map',
  groups: '/device-groups',
  templates: '/templates',
  updates: '/updates',
};

export default function DevicesPage() {
  const { params } = useUrl();
  const to = elsewhere[params.get('tab') ?? ''];
  const q = to === '/map' && params.get('q');
  if (to) return <Navigate to={q ? `${to}?q=${encodeURIComponent(q)}` : to} replace />;
  return <DeviceList />;
}

function DeviceList() {
  useTitle('Devices');
  const { params, change } = useUrl();
  const line = params.get('q') ?? '';
  const sort = params.get('sort');
  const [typed, setTyped] = useState(line);
  const [total, setTotal] = useState<number | null>(null);
  const [columns, setColumns] = useStored<Record<string, boolean>>('pulse.devices.columns', {});
  const [density, setDensity] = useStored<Density>('pulse.devices.density', 'compact');
  const summary = useFleetSummary();
  const sites = useSites();

  // The address follows the typing after a pause, and the field follows the address.
  useEffect(() => setTyped(line), [line]);
  useEffect(() => {
    if (typed === line) return;
    const timer = setTimeout(
      () => change((p) => (typed.trim() ? p.set('q', typed) : p.delete('q'))),
      250,
    );
    return () => clearTimeout(timer);
  }, [typed, line, change]);

  const siteList = sites.data;
  const site = termOf(line, 'site')?.toLowerCase();
  const siteShown = siteList?.find((s) => s.site_id.toLowerCase() === site || s.name.toLowerCase() === site);
  const decommissioned = termOf(line, 'is') === 'decommissioned';
  const filter = useMemo(() => {
    const f: DeviceFilter = {};
    if (line.trim()) f.q = line.trim();
    if (sort) f.sort = sort;
    return f;
  }, [line, sort]);
  const shownFilter = useDeferredValue(filter);
  const siteNames = useMemo(
    () => new Map((siteList ?? []).map((s) => [s.site_id, s.name])),
    [siteList],
  );
  const selection = useSelection(filter);
  const setSort = (next: string | null) =>
    change((p) => (next ? p.set('sort', next) : p.delete('sort')));
  const setTerm = (key: string, value: string | null) => {
    const text = withTerm(typed, key, value);
    setTyped(text);
    change((p) => (text ? p.set('q', text) : p.delete('q')), false);
  };

  const s = summary.data;
  const filtered = line.trim() !== '';
  return (
    <>
      <PageHeader
        title="Devices"
        facts={
          s && (
            <span>
              {count(s.total)} · {count(s.ONLINE)} online · {count(s.STALE)} stale ·{' '}
              {count(s.OFFLINE)} offline
            </span>
          )
        }
        actions={
          <>
            <FleetTabs at="list" query={line} />
            <ButtonLink className="max-sm:hidden" to="/devices/wizard">
              Set up
            </ButtonLink>
            <ButtonLink to="/devices/import">Import</ButtonLink>
            <GatedButton
              needs={needs.createDevice}
              kind="primary"
              onClick={() => change((p) => p.set('new', '1'), false)}
            >
              Add device
            </GatedButton>
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <input
          data-search
          type="search"
          aria-label="Filter devices"
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          placeholder='reefer status:online temp_c>30 tag:pilot'
          spellCheck={false}
          className="h-8 w-full rounded-m border border-line-strong bg-surface px-2.5 font-mono text-12 sm:w-72"
        />
        <SearchHelp />
        <Segmented
          label="Status"
          className="max-sm:w-full"
          value={termOf(line, 'status')?.toUpperCase() ?? ''}
          onChange={(v) => setTerm('status', v ? v.toLowerCase() : null)}
          options={[
            { value: '', label: 'All' },
            { value: 'ONLINE', label: 'Online' },
            { value: 'STALE', label: 'Stale' },
            { value: 'OFFLINE', label: 'Offline' },
          ]}
        />
        <Menu
          trigger={
            <Button className="max-w-56">
              <span className="truncate">{siteShown ? `Site: ${siteShown.name}` : 'Site'}</span>
              <DownIcon />
            </Button>
          }
        >
          <MenuItem onSelect={() => setTerm('site', null)}>All sites</MenuItem>
          {(siteList ?? []).map((one) => (
            <MenuCheck
              key={one.site_id}
              checked={siteShown?.site_id === one.site_id}
              onChange={(on) => setTerm('site', on ? one.site_id : null)}
            >
              {one.name}
            </MenuCheck>
          ))}
        </Menu>
        <ViewMenu
          sort={sort}
          onSort={setSort}
          columns={columns}
          onColumns={setColumns}
          density={density}
          onDensity={setDensity}
          decommissioned={decommissioned}
          onDecommissioned={(on) => setTerm('is', on ? 'decommissioned' : null)}
        />
        <SavedViews
          now={{ q: line.trim(), sort, columns }}
          onOpen={(view) => {
            setColumns(view.columns);
            change((p) => {
              if (view.q) p.set('q', view.q);
              else p.delete('q');
              if (view.sort) p.set('sort', view.sort);
              else p.delete('sort');
            }, false);
          }}
        />
        <ListMenu filter={filter} onSelectAll={selection.all} />
        {filtered && total !== null && (
          <span className="num text-ink-2" role="status">
            {count(total)} found
          </span>
        )}
        {selection.size > 0 && (
          <div className="flex flex-wrap items-center gap-2 sm:ml-auto">
            <BulkBar selection={selection} decommissioned={decommissioned} />
          </div>
        )}
      </div>
      <div className="panel overflow-hidden">
        <DeviceTable
          filter={shownFilter}
          sort={sort}
          onSort={setSort}
          siteNames={siteNames}
          selection={selection}
          rowHeight={density === 'compact' ? 32 : 40}
          hidden={columns}
          onTotal={setTotal}
          empty={
            filtered ? (
              <Empty
                title="No device fits this filter"
                action={<Button onClick={() => setTyped('')}>Show all devices</Button>}
              >
                Words search the id, name, model, serial number, site and address. Narrow with{' '}
                <code className="font-mono text-12">status:offline</code>,{' '}
                <code className="font-mono text-12">site:ID</code> or{' '}
                <code className="font-mono text-12">tag:NAME</code>.
              </Empty>
            ) : (
              <Empty
                title="No devices yet"
                action={
                  <>
                    <GatedButton
                      needs={needs.createDevice}
                      kind="primary"
                      onClick={() => change((p) => p.set('new', '1'))}
                    >
                      Add the first device
                    </GatedButton>
                    <ButtonLink to="/fleet/getting-started">Five steps to live data</ButtonLink>
                  </>
                }
              >
                A device is anything that sends measurements over HTTP or MQTT. Add one, and it
                gets its own credentials.
              </Empty>
            )
          }
        />
      </div>
      {params.get('new') === '1' && (
        <Suspense fallback={null}>
          <NewDevice
            open
            site={siteShown?.site_id ?? ''}
            onClose={() => change((p) => p.delete('new'))}
          />
        </Suspense>
      )}
    </>
  );
}
