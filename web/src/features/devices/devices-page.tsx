import { useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import { asApiError } from '@/api/errors';
import type { Status } from '@/api/types';
import { useSites } from '@/features/sites/queries';
import { csv, download } from '@/lib/csv';
import { count } from '@/lib/numbers';
import { formatQueryLine, parseQueryLine, toFilter } from '@/lib/query-line';
import { useStored } from '@/lib/use-stored';
import { Button, ButtonLink } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { Menu, MenuCheck, MenuItem, MenuLabel, MenuLine } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { DownIcon } from '@/ui/icons';
import { BulkBar } from './bulk-bar';
import { columnNames } from './columns';
import { DeviceTable } from './device-table';
import { NewDevice } from './new-device';
import { useFleetSummary } from './queries';

const most = 50_000;

/** Everything that the filter shows, as CSV. */
async function exportCsv(filter: ReturnType<typeof toFilter>): Promise<void> {
  const rows: unknown[][] = [];
  for (let offset = 0; offset < most; offset += 1000) {
    const page = await api.devices(filter, 1000, offset);
    for (const d of page.devices)
      rows.push([
        d.device_id, d.name, d.status, d.site_id, d.template_name, d.last_seen_at,
        d.tags?.join(' '), d.state ? JSON.stringify(d.state) : '',
      ]);
    if (offset + page.devices.length >= page.total || page.devices.length === 0) break;
  }
  const head = ['device_id', 'name', 'status', 'site_id', 'template', 'last_seen_at', 'tags', 'state'];
  download('devices.csv', csv(head, rows));
}

export default function DevicesPage() {
  useTitle('Devices');
  const [params, setParams] = useSearchParams();
  const line = params.get('q') ?? '';
  const sort = params.get('sort');
  const [typed, setTyped] = useState(line);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [total, setTotal] = useState<number | null>(null);
  const [hidden, setHidden] = useStored<Record<string, boolean>>('pulse.devices.columns', {});
  const summary = useFleetSummary();
  const sites = useSites();

  const change = useCallback(
    (edit: (p: URLSearchParams) => void, replace = true) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          edit(next);
          return next;
        },
        { replace },
      ),
    [setParams],
  );
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

  const query = useMemo(() => parseQueryLine(line), [line]);
  const siteList = sites.data;
  const filter = useMemo(() => {
    const f = toFilter(query);
    // A site may be written by its name too.
    const bySite = siteList?.find(
      (s) => s.site_id === query.site || s.name.toLowerCase() === query.site?.toLowerCase(),
    );
    if (bySite) f.site_id = bySite.site_id;
    if (sort) f.sort = sort;
    return f;
  }, [query, siteList, sort]);
  const shownFilter = useDeferredValue(filter);
  const siteNames = useMemo(
    () => new Map((siteList ?? []).map((s) => [s.site_id, s.name])),
    [siteList],
  );
  const toggle = useCallback(
    (id: string) =>
      setSelected((old) => {
        const next = new Set(old);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );
  const setLine = (edit: (q: ReturnType<typeof parseQueryLine>) => void) => {
    const q = parseQueryLine(typed);
    edit(q);
    const text = formatQueryLine(q);
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
          <Button kind="primary" onClick={() => change((p) => p.set('new', '1'), false)}>
            Add device
          </Button>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <input
          data-search
          type="search"
          aria-label="Filter devices"
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          placeholder='reefer status:online site:"Hamburg Hub" tag:pilot'
          spellCheck={false}
          className="h-8 w-full rounded-m border border-line-strong bg-surface px-2.5 font-mono text-12 sm:w-92"
        />
        <Segmented
          label="Status"
          className="max-sm:w-full"
          value={query.status ?? ''}
          onChange={(v) => setLine((q) => (q.status = (v || null) as Status | null))}
          options={[
            { value: '', label: 'All' },
            { value: 'ONLINE', label: 'Online' },
            { value: 'STALE', label: 'Stale' },
            { value: 'OFFLINE', label: 'Offline' },
          ]}
        />
        <Menu
          trigger={
            <Button>
              Site <DownIcon />
            </Button>
          }
        >
          <MenuItem onSelect={() => setLine((q) => (q.site = null))}>All sites</MenuItem>
          {(siteList ?? []).map((site) => (
            <MenuCheck
              key={site.site_id}
              checked={filter.site_id === site.site_id}
              onChange={(on) => setLine((q) => (q.site = on ? site.site_id : null))}
            >
              {site.name}
            </MenuCheck>
          ))}
        </Menu>
        <Menu
          trigger={
            <Button>
              View <DownIcon />
            </Button>
          }
        >
          <MenuLabel>Columns</MenuLabel>
          {Object.entries(columnNames).map(([id, name]) => (
            <MenuCheck
              key={id}
              checked={hidden[id] !== false}
              onChange={(on) => setHidden({ ...hidden, [id]: on })}
            >
              {name}
            </MenuCheck>
          ))}
          <MenuLine />
          <MenuCheck
            checked={query.decommissioned}
            onChange={(on) => setLine((q) => (q.decommissioned = on))}
          >
            Show decommissioned
          </MenuCheck>
          <MenuLine />
          <MenuItem
            onSelect={() =>
              void exportCsv(filter).catch((e: unknown) => toast.error(asApiError(e).message))
            }
          >
            Download as CSV
          </MenuItem>
        </Menu>
        {filtered && total !== null && (
          <span className="num text-ink-2" role="status">
            {count(total)} found
          </span>
        )}
        {selected.size > 0 && (
          <div className="flex flex-wrap items-center gap-2 sm:ml-auto">
            <BulkBar ids={[...selected]} onClear={() => setSelected(new Set())} />
          </div>
        )}
      </div>
      {query.unknown.length > 0 && (
        <p role="status" className="mb-2 text-12 text-warning">
          <span aria-hidden="true">▲ </span>
          Not understood and left out: {query.unknown.join(' ')}. Known words: status: site: tag:
          template: is:decommissioned.
        </p>
      )}
      <div className="panel overflow-hidden">
        <DeviceTable
          filter={shownFilter}
          sort={sort}
          onSort={(next) => change((p) => (next ? p.set('sort', next) : p.delete('sort')))}
          facts={{ siteNames, selected, toggle }}
          hidden={hidden}
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
                    <Button kind="primary" onClick={() => change((p) => p.set('new', '1'))}>
                      Add the first device
                    </Button>
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
        <NewDevice
          open
          site={filter.site_id ?? ''}
          onClose={() => change((p) => p.delete('new'))}
        />
      )}
    </>
  );
}
