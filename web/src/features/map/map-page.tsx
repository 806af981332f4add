import { useDeferredValue, useMemo, useState } from 'react';
import { callPath, type DeviceFilter } from '@/api/customer';
import type { Status } from '@/api/types';
import { FleetTabs } from '@/features/devices/fleet-tabs';
import { useSites } from '@/features/sites/queries';
import { count } from '@/lib/numbers';
import { termOf, withTerm } from '@/lib/query-line';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { CodeBlock } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { DownIcon } from '@/ui/icons';
import { Menu, MenuCheck, MenuItem } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { allStatuses, type Cluster } from './clusters';
import { InView } from './in-view';
import { DeviceCard, HeapCard, SiteCard } from './map-card';
import { MapCanvas } from './map-canvas';
import { readView, shownBy, within, writeView, type Bounds } from './mercator';
import { statuses } from './points';
import { around, marksOf, placedSites } from './site-marks';
import { useMapDevices } from './use-map-devices';

function HowToPlace() {
  return (
    <Empty
      title="Nothing has a place yet"
      action={
        <>
          <ButtonLink kind="primary" to="/devices">
            Choose a device
          </ButtonLink>
          <ButtonLink to="/sites">Give a site its coordinates</ButtonLink>
        </>
      }
    >
      <p className="mb-2">
        A device stands on the map by the latitude and longitude under its Details, by those columns of
        an import, or by what it sends itself as <code className="font-mono text-12">latitude</code> and{' '}
        <code className="font-mono text-12">longitude</code>. Sites have coordinates of their own.
      </p>
      <CodeBlock
        label="By a script"
        text={`curl -X PATCH -H "Authorization: Bearer $PULSE_TOKEN" -H 'Content-Type: application/json' \\\n  ${location.origin}${callPath('/devices/DEVICE_ID')} -d '{"latitude": 53.5413, "longitude": 9.9841}'`}
      />
    </Empty>
  );
}

export default function MapPage() {
  useTitle('Map');
  const { params, set, change } = useUrl();
  const line = params.get('q') ?? '';
  const sites = useSites();
  // The status is no question to the server: it changes by what is pushed.
  const status = termOf(line, 'status')?.toUpperCase().split(',') ?? [];
  const known = status.filter((word): word is Status => (statuses as readonly string[]).includes(word));
  const here = known.length > 0 && known.length === status.length;
  const asked = here ? withTerm(line, 'status', null) : line.trim();
  const filter = useDeferredValue(useMemo<DeviceFilter>(() => (asked ? { q: asked } : {}), [asked]));
  const mask = here ? known.reduce((bits, word) => bits | (1 << statuses.indexOf(word)), 0) : allStatuses;
  const devices = useMapDevices(filter);
  const { points, version } = devices;
  const [start] = useState(() => readView(params.get('at')));
  const [seen, setSeen] = useState<Bounds | null>(null);
  const [heap, setHeap] = useState<Cluster | null>(null);

  const word = termOf(line, 'site')?.toLowerCase();
  const siteShown = sites.data?.find((s) => s.site_id.toLowerCase() === word || s.name.toLowerCase() === word);
  const placed = useMemo(
    () => placedSites(sites.data).filter((s) => !siteShown || s === siteShown),
    [sites.data, siteShown],
  );
  const marks = useMemo(() => marksOf(placed), [placed]);
  // The points change in place, as their version tells.
  const everything = useMemo(() => around(points.bounds(), marks), [points, version, marks]);

  const device = params.get('device');
  const site = sites.data?.find((s) => s.site_id === params.get('site'));
  const chosen = device ? `device:${device}` : site ? `site:${site.site_id}` : null;
  const choose = (next: { device?: string; site?: string }) => {
    setHeap(null);
    set({ device: next.device ?? null, site: next.site ?? null });
  };
  const close = () => choose({});
  const setTerm = (key: string, value: string | null) =>
    set({ q: withTerm(line, key, value) }, false);
  const heaped = useMemo(() => {
    const out = { ids: [] as string[], names: [] as string[] };
    for (let i = 0; heap && i < points.size; i += 1) {
      if (!within(heap, points.x[i]!, points.y[i]!)) continue;
      out.ids.push(points.ids[i]!);
      out.names.push(points.names[i]!);
    }
    return out;
  }, [heap, points]);

  const nothing = devices.complete && points.size === 0 && sites.isSuccess && placed.length === 0;
  return (
    <>
      <PageHeader
        title="Map"
        facts={
          devices.total !== null && (
            <span>
              {count(points.size)} of {count(devices.total)} devices have a place
              {!devices.complete && ', reading on'}
            </span>
          )
        }
        actions={
          <>
            <CopyCall path={callPath('/fleet/positions', { ...filter })} />
            <FleetTabs at="map" query={line} />
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Filter devices"
          placeholder='reefer site:"Hamburg Hub" tag:pilot'
          value={line}
          onChange={(q) => set({ q })}
          className="font-mono text-12"
        />
        <Segmented
          label="Status"
          className="max-sm:w-full"
          value={here && known.length === 1 ? known[0]! : status.length > 0 ? null : ''}
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
          {(sites.data ?? []).map((s) => (
            <MenuCheck
              key={s.site_id}
              checked={siteShown === s}
              onChange={(on) => setTerm('site', on ? s.site_id : null)}
            >
              {s.name}
            </MenuCheck>
          ))}
        </Menu>
      </div>
      {devices.error && (
        <div className="panel mb-2.5">
          <Failure error={devices.error} what="Devices" retry={devices.retry} />
        </div>
      )}
      {nothing ? (
        <div className="panel">
          {line.trim() ? (
            <Empty
              title="No device of this filter has a place"
              action={<Button onClick={() => set({ q: null })}>Show all devices</Button>}
            />
          ) : (
            <HowToPlace />
          )}
        </div>
      ) : devices.total === null && !devices.error ? (
        <Skeleton className="h-[calc(100dvh-13rem)] min-h-80" />
      ) : (
        <div className="grid gap-3 lg:h-[calc(100dvh-11.5rem)] lg:min-h-96 lg:grid-rows-[minmax(0,1fr)] lg:grid-cols-[minmax(0,1fr)_18rem]">
          <div className="panel relative h-[60dvh] min-h-80 min-w-0 overflow-hidden lg:h-full">
            <MapCanvas
              label="Map of devices and sites"
              className="h-full"
              points={points}
              version={version}
              sites={marks}
              mask={mask}
              device={device}
              site={site?.site_id ?? null}
              start={start}
              everything={everything}
              onRest={(view, size, byHand) => {
                setSeen(shownBy(view, size));
                if (byHand) change((p) => p.set('at', writeView(view)));
              }}
              onSite={(s) => choose({ site: s.id })}
              onDevice={(i) => choose({ device: points.ids[i]! })}
              onHeap={(cluster) => {
                close();
                setHeap(cluster);
              }}
            />
            {heap ? (
              <HeapCard {...heaped} onClose={() => setHeap(null)} />
            ) : device ? (
              <DeviceCard key={device} id={device} onClose={close} />
            ) : (
              site && <SiteCard site={site} onClose={close} />
            )}
          </div>
          <InView
            points={points}
            bounds={seen}
            mask={mask}
            sites={placed}
            chosen={chosen}
            onDevice={(i) => choose({ device: points.ids[i]! })}
            onSite={(s) => choose({ site: s.site_id })}
          />
        </div>
      )}
    </>
  );
}
