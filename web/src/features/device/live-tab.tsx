import { useCallback, useRef } from 'react';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import type { Device } from '@/api/types';
import { cx } from '@/lib/cx';
import { download } from '@/lib/csv';
import { dayAndMinute, span, utc } from '@/lib/time';
import { phone, useMedia } from '@/lib/use-media';
import { Button, ButtonLink } from '@/ui/button';
import { copyCall } from '@/ui/copy-call';
import { DownIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { useUrl } from '@/lib/use-url';
import { Chart } from './chart';
import { MessageLog } from './message-log';
import { Latest, mostCharts } from './latest';
import { chartsCsv, chartsPng, exportName } from './export';
import { defaultMetrics, metricFacts } from './metric-facts';
import { useNormalized, withNormalized } from './normalized';
import { historyQuery, useHistory, useMetrics } from './queries';
import { readRange, writeQuick, writeZoom } from './range';
import { RangePicker } from './range-picker';
import { useCatalogUnits, useChartLines, useChartShades } from './use-chart-lines';
import { useLiveSeries } from './use-live-series';

export function LiveTab({ device }: { device: Device }) {
  const id = device.device_id;
  const { params, change: changeUrl } = useUrl();
  const narrow = useMedia(phone);
  const infos = useMetrics(id);
  const sent = metricFacts(device, infos.data);
  const normalized = useNormalized();
  const facts = withNormalized(sent, normalized);
  const named = params.get('metrics');
  const shown = (named !== null ? named.split(',').filter(Boolean) : defaultMetrics(sent)).slice(0, mostCharts);
  const range = readRange(params);
  const history = useHistory(id, shown, range);
  const series = useLiveSeries(id, shown, range, history.data, normalized);
  const lines = useChartLines(id, shown, history.data !== undefined);
  const units = useCatalogUnits(history.data !== undefined);
  const shades = useChartShades(id, history.data !== undefined);
  const lastZoom = useRef(0);

  const change = useCallback(
    (edit: (p: URLSearchParams) => void, replace = false) => changeUrl(edit, replace),
    [changeUrl],
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
  const charts = useRef<HTMLDivElement>(null);
  const drawn = shown.map((key) => {
    const m = facts.find((f) => f.key === key);
    const s = h?.series.find((x) => x.metric === key);
    return {
      key,
      name: m?.name ?? key,
      unit: units.get(key) ?? m?.unit ?? s?.unit ?? null,
      digits: m?.digits ?? 2,
      now: range.kind === 'quick' && typeof m?.value !== 'string' ? (m?.value ?? undefined) : undefined,
      columns: series.columns.get(key) ?? noColumns,
      lines: lines.get(key),
      shades: shades.get(key),
    };
  });
  const exportCsv = () =>
    download(
      exportName(id, series.from, series.to, 'csv'),
      chartsCsv(drawn, series.from, series.to),
    );
  const exportPng = () => {
    if (!charts.current) return;
    const title = `${device.name ?? id}, ${utcSpan(series.from, series.to)}`;
    chartsPng(charts.current, title).then(
      (picture) => download(exportName(id, series.from, series.to, 'png'), picture),
      (error: unknown) => toast.error(error instanceof Error ? error.message : String(error)),
    );
  };
  const at = device.last_telemetry_at ?? device.last_seen_at;
  const neverSent = facts.every((m) => m.value === null) && !at;
  return (
    <>
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <RangePicker
          range={range}
          from={series.from}
          to={series.to}
          onQuick={(quick) => change((p) => writeQuick(p, quick))}
          onCustom={(from, to) => change((p) => writeZoom(p, from, to))}
        />
        {range.kind === 'fixed' && <Button onClick={reset}>Reset zoom</Button>}
        <span className="num text-12 text-ink-2">
          {dayAndMinute(series.from * 1000)} to{' '}
          {range.kind === 'quick' ? 'now' : dayAndMinute(series.to * 1000)}
          {h && (h.bucket_seconds <= 1 ? ', every message' : `, ${span(h.bucket_seconds)} buckets`)}
        </span>
        <Menu
          trigger={
            <Button className="ml-auto" disabled={!h || shown.length === 0}>
              Export <DownIcon />
            </Button>
          }
        >
          <MenuItem onSelect={exportCsv}>CSV of what is drawn</MenuItem>
          <MenuItem onSelect={exportPng}>Picture (PNG)</MenuItem>
          <MenuItem onSelect={() => void copyCall(callPath(historyPath(id), historyQuery(shown, range)))}>
            Copy the call as curl
          </MenuItem>
        </Menu>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
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
              ref={charts}
            >
              {drawn.map((d, i) => (
                <Chart
                  {...d}
                  key={d.key}
                  version={series.version}
                  from={series.from}
                  to={series.to}
                  bucketSeconds={h.source === 'raw' ? 0 : h.bucket_seconds}
                  colour={i + 1}
                  height={narrow ? 130 : 160}
                  onZoom={zoom}
                  onReset={reset}
                />
              ))}
            </div>
          )}
          {/* There before the history comes, so that the page's largest text does not wait for it. */}
          {shown.length > 0 && (h || !history.error) && (
            <p className="mt-3 px-1 text-12 text-ink-3" data-testid="chart-hint">
              Drag over a chart to zoom
              {narrow ? ', “Reset zoom” goes back' : ', double-click to go back'}. The band is the
              minimum and maximum.
            </p>
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

/** Both ends in UTC, for a picture that leaves the house. */
const utcSpan = (from: number, to: number) =>
  `${utc(new Date(from * 1000).toISOString())} to ${utc(new Date(to * 1000).toISOString())}`;

const historyPath = (id: string) => `/devices/${encodeURIComponent(id)}/telemetry/history`;
const noColumns = { time: [], avg: [], min: [], max: [], count: [] };
