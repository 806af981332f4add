import { useCallback, useRef } from 'react';
import { useSearchParams } from 'react-router';
import { exportUrl } from '@/api/customer';
import type { Device } from '@/api/types';
import { cx } from '@/lib/cx';
import { decimalsOf, withUnit } from '@/lib/numbers';
import { dayAndMinute, span } from '@/lib/time';
import { phone, useMedia } from '@/lib/use-media';
import { Button, ButtonLink } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { Ago } from '@/ui/time';
import { Chart } from './chart';
import { MessageLog } from './message-log';
import { defaultMetrics, metricFacts, type MetricFacts } from './metric-facts';
import { useHistory, useMetrics } from './queries';
import { exportRange, quickRanges, readRange, writeQuick, writeZoom, type QuickRange } from './range';
import { useLiveSeries } from './use-live-series';

const most = 6;

/** Latest values; each is also the switch of its chart. */
function Latest({
  facts,
  shown,
  at,
  onToggle,
}: {
  facts: MetricFacts[];
  shown: string[];
  at: string | null;
  onToggle: (key: string) => void;
}) {
  return (
    <Panel title="Latest" aside={<Ago at={at} never="no data yet" />}>
      {facts.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">Metrics show here as soon as they are sent.</p>
      ) : (
        <ul>
          {facts.map((m) => {
            const index = shown.indexOf(m.key);
            const on = index >= 0;
            return (
              <li key={m.key}>
                <button
                  type="button"
                  aria-pressed={on}
                  disabled={!m.charted || (!on && shown.length >= most)}
                  onClick={() => onToggle(m.key)}
                  title={
                    m.charted ? `${on ? 'Hide' : 'Show'} the chart of ${m.key}` : 'Text is not charted'
                  }
                  className="flex min-h-7.5 w-full items-center justify-between gap-3 px-3 py-0.5 text-left enabled:hover:bg-surface-2"
                >
                  <span className="flex min-w-0 items-center gap-2 text-ink-2">
                    <svg width="12" height="8" aria-hidden="true" className="shrink-0">
                      {on ? (
                        <line x1="0" y1="4" x2="12" y2="4" stroke={`var(--series-${index + 1})`} strokeWidth="2.5" />
                      ) : (
                        m.charted && (
                          <line x1="0" y1="4" x2="12" y2="4" stroke="var(--line-strong)" strokeWidth="1.5" strokeDasharray="2 2" />
                        )
                      )}
                    </svg>
                    <span className="truncate">{m.name}</span>
                  </span>
                  <span className={cx('num text-right', on ? 'font-semibold' : '')} data-metric={m.key}>
                    {withUnit(
                      m.value,
                      m.unit,
                      typeof m.value === 'number' ? decimalsOf([m.value], m.digits) : 0,
                    )}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

export function LiveTab({ device }: { device: Device }) {
  const id = device.device_id;
  const [params, setParams] = useSearchParams();
  const narrow = useMedia(phone);
  const infos = useMetrics(id);
  const facts = metricFacts(device, infos.data);
  const named = params.get('metrics');
  const shown = (named !== null ? named.split(',').filter(Boolean) : defaultMetrics(facts)).slice(0, most);
  const range = readRange(params);
  const history = useHistory(id, shown, range);
  const series = useLiveSeries(id, shown, range, history.data);
  const lastZoom = useRef(0);

  const change = useCallback(
    (edit: (p: URLSearchParams) => void, replace = false) =>
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
  const zoom = useCallback(
    (from: number, to: number) => {
      // The selection is shared, so each chart tells of it: one is enough.
      if (performance.now() - lastZoom.current < 200) return;
      lastZoom.current = performance.now();
      change((p) => writeZoom(p, from, to));
    },
    [change],
  );
  const reset = useCallback(
    () =>
      change((p) => {
        p.delete('start');
        p.delete('end');
      }),
    [change],
  );
  const toggle = (key: string) =>
    change((p) => {
      const next = shown.includes(key) ? shown.filter((k) => k !== key) : [...shown, key];
      p.set('metrics', next.join(','));
    }, true);

  const h = history.data;
  const at = device.last_telemetry_at ?? device.last_seen_at;
  const neverSent = facts.every((m) => m.value === null) && !at;
  return (
    <>
      <div className="mb-2.5 flex flex-wrap items-center justify-between gap-2">
        <div className="flex flex-wrap items-center gap-2">
          <Segmented
            label="Time range"
            value={range.kind === 'quick' ? range.quick : null}
            options={quickRanges}
            onChange={(v) => change((p) => writeQuick(p, v as QuickRange))}
          />
          {range.kind === 'fixed' && <Button onClick={reset}>Reset zoom</Button>}
          <span className="num text-12 text-ink-2">
            {dayAndMinute(series.from * 1000)} to{' '}
            {range.kind === 'quick' ? 'now' : dayAndMinute(series.to * 1000)}
            {h && (h.bucket_seconds <= 1 ? ', every message' : `, ${span(h.bucket_seconds)} buckets`)}
          </span>
        </div>
        <a
          href={exportUrl(id, exportRange(range))}
          download
          className="inline-flex h-8 items-center rounded-m border border-line-strong bg-surface px-3 font-medium hover:bg-surface-2"
        >
          CSV
        </a>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <section aria-label="Charts" className="panel min-w-0 px-2 py-2.5 sm:px-3">
          {history.error && !h ? (
            <Failure error={history.error} what="The history" retry={() => void history.refetch()} />
          ) : shown.length === 0 ? (
            neverSent ? (
              <Empty
                title="Nothing received yet"
                action={
                  <ButtonLink kind="primary" to="?tab=connect">
                    Connect this device
                  </ButtonLink>
                }
              >
                The first message draws its chart here the moment it arrives.
              </Empty>
            ) : infos.isPending ? (
              <Skeleton className="h-64" />
            ) : (
              <Empty title="No chart chosen">Choose metrics in “Latest”.</Empty>
            )
          ) : !h ? (
            <div className="flex flex-col gap-4" role="status" aria-label="Loading charts">
              {shown.map((key) => (
                <Skeleton key={key} className="h-40" />
              ))}
            </div>
          ) : (
            <div
              className={cx('flex flex-col gap-3', history.isPlaceholderData && 'opacity-60')}
              data-testid="charts"
            >
              {shown.map((key, i) => {
                const m = facts.find((f) => f.key === key);
                const s = h.series.find((x) => x.metric === key);
                return (
                  <Chart
                    key={key}
                    columns={series.columns.get(key) ?? noColumns}
                    version={series.version}
                    from={series.from}
                    to={series.to}
                    bucketSeconds={h.source === 'raw' ? 0 : h.bucket_seconds}
                    name={m?.name ?? key}
                    unit={m?.unit ?? s?.unit ?? null}
                    digits={m?.digits ?? 2}
                    colour={i + 1}
                    height={narrow ? 130 : 160}
                    live={range.kind === 'quick'}
                    onZoom={zoom}
                    onReset={reset}
                  />
                );
              })}
              <p className="px-1 text-12 text-ink-3">
                Drag over a chart to zoom, double-click to go back. The band is the minimum and
                maximum.
              </p>
            </div>
          )}
        </section>
        <div className="flex min-w-0 flex-col gap-4">
          <Latest facts={facts} shown={shown} at={at} onToggle={toggle} />
          <MessageLog device={id} />
        </div>
      </div>
    </>
  );
}

const noColumns = { time: [], avg: [], min: [], max: [], count: [] };
