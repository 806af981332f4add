// The newest messages of the whole fleet as they are stored, and beside them what needs a look.
import { useQuery } from '@tanstack/react-query';
import { memo, useMemo, useState } from 'react';
import { Link } from 'react-router';
import type { Metrics } from '@/api/types';
import { explain } from '@/features/device/reasons';
import { pageOptions, useDevicePage } from '@/features/devices/queries';
import { Attention, toDevice, useSiteName } from '@/features/home/attention';
import { useSites } from '@/features/sites/queries';
import { cx } from '@/lib/cx';
import { count, decimalsOf, describe, many, withUnit } from '@/lib/numbers';
import { clock, utc } from '@/lib/time';
import { useKeys } from '@/lib/use-keys';
import { Button } from '@/ui/button';
import { PageHeader, Panel } from '@/ui/page';
import { SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { useUrl } from '@/lib/use-url';
import { fits, type Row } from './feed';
import { Rate } from './rate';
import { useFeed } from './use-feed';

/** Rows on the screen at once. */
const most = 150;
/** Devices whose names are known without asking for each; beyond it the id stands alone. */
const named = 500;
const heard = 25;

const columns =
  'sm:grid sm:grid-cols-[4.5rem_minmax(0,12rem)_minmax(0,8rem)_minmax(0,1fr)] sm:items-baseline sm:gap-x-3';

type Units = Record<string, string> | null | undefined;

function Values({ metrics, units }: { metrics: Metrics; units: Units }) {
  return (
    <span className="num">
      {Object.entries(metrics)
        .slice(0, 8)
        .map(([key, v]) => {
          const d = describe(key);
          const digits = typeof v === 'number' ? decimalsOf([v], 2) : 0;
          return (
            <span key={key} className="mr-3 inline-block whitespace-nowrap">
              <span className="text-ink-3">{d.name}</span> {withUnit(v, units?.[key] ?? d.unit, digits)}
            </span>
          );
        })}
    </span>
  );
}

/** A message. Memoised: a row never changes, so only new ones cost rendering. */
const Line = memo(function Line({
  kind,
  at,
  device,
  name,
  site,
  metrics,
  units,
  reason,
  fresh,
}: {
  kind: Row['kind'] | 'earlier';
  at: string;
  device: string;
  name: string | undefined;
  site: string;
  metrics: Metrics;
  units: Units;
  reason: string | null;
  fresh: boolean;
}) {
  if (kind === 'gap')
    return (
      <li className="border-b bg-stale-soft px-3 py-1 text-12 text-stale">
        The connection was interrupted until {clock(at)}. What came meanwhile stands on the pages of
        the devices.
      </li>
    );
  return (
    <li
      className={cx('border-b px-3 py-1 last:border-b-0', columns, fresh && 'fresh')}
      data-message={kind}
      data-device={device}
    >
      <time dateTime={at} title={utc(at)} className="num mr-2 font-mono text-12 text-ink-3">
        {clock(at)}
      </time>
      <Link to={toDevice(device)} className="truncate hover:underline">
        {name && name !== device ? (
          <>
            {name} <span className="font-mono text-11 text-ink-3">{device}</span>
          </>
        ) : (
          <span className="font-mono text-12">{device}</span>
        )}
      </Link>
      <span className="truncate text-ink-2 max-sm:hidden">{site}</span>
      {kind === 'refused' ? (
        <span className="text-critical max-sm:block" title={explain(reason) ?? undefined}>
          <span aria-hidden="true">▲ </span>refused: {reason}
        </span>
      ) : (
        <span className="max-sm:block">
          <Values metrics={metrics} units={units} />
        </span>
      )}
    </li>
  );
});

export default function LivePage() {
  useTitle('Live');
  const { params, set: setUrl } = useUrl();
  const site = params.get('site');
  const metric = params.get('metric') ?? '';
  const device = params.get('device') ?? '';
  const [typedMetric, setTypedMetric] = useState(metric);
  /** Key of the newest row at the moment of pausing. */
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const { feed, state } = useFeed(metric);
  const sites = useSites();
  const siteName = useSiteName();
  const directory = useQuery({ ...pageOptions({}, named, 0), staleTime: 300_000 });
  const earlier = useDevicePage(
    { sort: '-last_seen_at', ...(site ? { site_id: site } : {}) },
    heard,
  );

  const set = (name: string, value: string) => setUrl({ [name]: value });
  const pause = () => setPausedAt((old) => (old === null ? feed.newest : null));
  useKeys({ p: pause });

  const names = useMemo(() => {
    const out = new Map<string, string>();
    const units = new Map<string, Units>();
    const metrics = new Set<string>();
    for (const d of directory.data?.devices ?? []) {
      if (d.name) out.set(d.device_id, d.name);
      units.set(d.device_id, d.units);
      for (const key of Object.keys(d.state ?? {})) metrics.add(key);
    }
    return {
      of: (id: string) => out.get(id),
      unitsOf: (id: string) => units.get(id),
      metrics: [...metrics].sort(),
    };
  }, [directory.data]);

  const filter = { site, device };
  const rows = feed.shown(filter, names.of, most, pausedAt);
  const seen = new Set(rows.map((r) => r.device));
  const before = (earlier.data?.devices ?? []).filter(
    (d) =>
      d.state &&
      d.last_telemetry_at !== null &&
      d.last_seen_at &&
      (metric === '' || metric in d.state) &&
      !seen.has(d.device_id) &&
      fits(d.device_id, d.site_id, filter, names.of),
  );
  const waiting = pausedAt === null ? 0 : feed.newest - pausedAt;
  const field = 'h-8 rounded-m border border-line-strong bg-surface px-2.5';

  return (
    <>
      <PageHeader
        title="Live"
        facts={
          <span>
            {state === 'live'
              ? `${many(feed.total, 'message')} since this page opened`
              : 'not live at the moment'}
          </span>
        }
        actions={
          <Button
            kind={pausedAt === null ? 'plain' : 'primary'}
            onClick={pause}
            aria-keyshortcuts="p"
            title="Key p"
          >
            {pausedAt === null ? 'Pause' : waiting > 0 ? `Go on, ${count(waiting)} new` : 'Go on'}
          </Button>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <input
          data-search
          type="search"
          aria-label="Device"
          placeholder="Device id or name"
          value={device}
          spellCheck={false}
          onChange={(e) => set('device', e.target.value)}
          className={cx(field, 'w-full sm:w-64')}
        />
        <select
          aria-label="Site"
          value={site ?? ''}
          onChange={(e) => set('site', e.target.value)}
          className={cx(field, 'max-sm:flex-1')}
        >
          <option value="">All sites</option>
          {(sites.data ?? []).map((s) => (
            <option key={s.site_id} value={s.site_id}>
              {s.name}
            </option>
          ))}
        </select>
        <form
          className="max-sm:flex-1"
          onSubmit={(e) => {
            e.preventDefault();
            set('metric', typedMetric.trim());
          }}
        >
          <input
            type="search"
            aria-label="Metric"
            placeholder="All metrics"
            list="live-metrics"
            value={typedMetric}
            spellCheck={false}
            onChange={(e) => {
              const next = e.target.value;
              setTypedMetric(next);
              // One of the list, or none, holds at once; another one on Enter or on leaving.
              if (next === '' || names.metrics.includes(next)) set('metric', next);
            }}
            onBlur={() => set('metric', typedMetric.trim())}
            className={cx(field, 'w-full sm:w-44')}
          />
          <datalist id="live-metrics">
            {names.metrics.map((m) => (
              <option key={m} value={m} />
            ))}
          </datalist>
        </form>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_21rem]">
        <Panel
          title="Messages"
          aside={<span>{pausedAt === null ? 'newest first, as they are stored' : 'paused'}</span>}
        >
          <div
            className={cx('hidden border-b px-3 py-1 text-12 text-ink-2', columns)}
            aria-hidden="true"
          >
            <span>Measured</span>
            <span>Device</span>
            <span>Site</span>
            <span>Values</span>
          </div>
          {rows.length === 0 && earlier.isPending ? (
            <SkeletonRows rows={10} label="Loading the newest messages" />
          ) : (
            <>
              {rows.length > 0 && (
                <ol aria-label="Messages, newest first" data-testid="feed">
                  {rows.map((r) => (
                    <Line
                      key={r.key}
                      kind={r.kind}
                      at={r.at}
                      device={r.device}
                      name={names.of(r.device)}
                      site={r.kind === 'refused' ? '' : siteName(r.site)}
                      metrics={r.metrics}
                      units={names.unitsOf(r.device)}
                      reason={r.reason}
                      fresh={pausedAt === null}
                    />
                  ))}
                </ol>
              )}
              {rows.length === 0 && (
                <p className="border-b px-3 py-3 text-ink-2" role="status">
                  {site || metric || device
                    ? 'Listening. Nothing that fits the filter has come since this page opened.'
                    : 'Listening. The next message of any device shows here the moment it is stored.'}
                </p>
              )}
              {before.length > 0 && rows.length < most && (
                <>
                  <h3 className="border-b bg-surface-2 px-3 py-1 text-12 text-ink-2">
                    Heard before, with their last values
                  </h3>
                  <ol aria-label="Last values of devices heard before this page opened">
                    {before.map((d) => (
                      <Line
                        key={d.device_id}
                        kind="earlier"
                        at={d.last_seen_at!}
                        device={d.device_id}
                        name={d.name ?? undefined}
                        site={siteName(d.site_id)}
                        metrics={metric ? { [metric]: d.state![metric]! } : d.state!}
                        units={d.units}
                        reason={null}
                        fresh={false}
                      />
                    ))}
                  </ol>
                </>
              )}
            </>
          )}
        </Panel>
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-first">
          <Rate perSecond={feed.perSecond(Date.now())} />
          <Attention tight quiet />
          <Refused rows={feed.refusals} names={names.of} />
        </div>
      </div>
    </>
  );
}

/** The last refused messages: what a device sends in vain. */
function Refused({
  rows,
  names,
}: {
  rows: readonly Row[];
  names: (id: string) => string | undefined;
}) {
  return (
    <Panel
      title="Refused messages"
      aside="since this page opened"
      className={cx(rows.length === 0 && 'max-lg:hidden')}
    >
      {rows.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">None. What is refused shows here with its reason.</p>
      ) : (
        <ul>
          {rows.map((r) => (
            <li key={r.key} className="border-b px-3 py-1.5 last:border-b-0">
              <div className="flex justify-between gap-3">
                <Link to={toDevice(r.device)} className="truncate hover:underline">
                  {names(r.device) ?? r.device}
                </Link>
                <span className="text-ink-3">
                  <Ago at={r.at} />
                </span>
              </div>
              <p className="text-critical">
                <span aria-hidden="true">▲ </span>
                {r.reason}
              </p>
              {explain(r.reason) && <p className="text-12 text-ink-2">{explain(r.reason)}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
