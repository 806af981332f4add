import { useMemo, useState } from 'react';
import { callPath } from '@/api/customer';
import type { Device } from '@/api/types';
import { Chart, type ChartLine } from '@/features/device/chart';
import { useChartLines, useChartShades } from '@/features/device/use-chart-lines';
import { many } from '@/lib/numbers';
import { span } from '@/lib/time';
import { phone, useMedia } from '@/lib/use-media';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { LogList } from '@/ui/log-list';
import { Panel } from '@/ui/page';
import { Failure, Skeleton } from '@/ui/states';
import { Ago } from '@/ui/time';
import {
  healthRanges,
  uptimeRanges,
  useConnections,
  useHealth,
  useUptime,
  type HealthRange,
  type UptimeRange,
} from './queries';
import { columnsOf, eventOf, tilesOf, toldBy } from './readings';
import { TransportsPanel } from './transports-panel';

const seconds: Record<HealthRange, number> = {
  '1h': 3600,
  '6h': 6 * 3600,
  '24h': 86_400,
  '7d': 7 * 86_400,
  '30d': 30 * 86_400,
};

const noLines: ChartLine[] = [];
const noShades: [number, number][] = [];

function UptimeFigure({ id, range }: { id: string; range: UptimeRange }) {
  const { data, error } = useUptime(id, range);
  return (
    <div className="min-w-0 px-3 py-2" data-uptime={range}>
      <dt className="text-12 text-ink-2">{range}</dt>
      <dd className="num">
        {error && !data ? (
          <span className="text-critical">▲ not known</span>
        ) : data ? (
          <>
            <span className="text-15 font-semibold">{data.uptime_pct.toFixed(2).replace(/\.?0+$/, '')} %</span>
            <span className="block text-12 text-ink-3">
              {data.offline_seconds > 0 ? `${span(data.offline_seconds)} silent` : 'never silent'}
            </span>
          </>
        ) : (
          <Skeleton className="h-8" />
        )}
      </dd>
    </div>
  );
}

function Connections({ id }: { id: string }) {
  const source = useConnections(id);
  return (
    <Panel title="Connections" aside={source.total !== null && many(source.total, 'event')}>
      <LogList
        source={source}
        what="The connections"
        rows={4}
        keyOf={(e) => e.id}
        line={(e) => {
          const { word, up } = eventOf(e.event_type);
          return (
            <span className="flex items-center justify-between gap-3">
              <span className={up ? 'text-online' : 'text-offline'}>
                <span aria-hidden="true">{up ? '●' : '■'} </span>
                {word}
              </span>
              <Ago at={e.timestamp} />
            </span>
          );
        }}
        detail={(e) => (
          <pre tabIndex={0} aria-label="Details" className="overflow-x-auto font-mono text-12">
            {JSON.stringify(e.details, null, 2)}
          </pre>
        )}
        empty={
          <p className="px-3 py-3 text-ink-2">
            No client of MQTT has come or gone. A device that sends by HTTP has no connection that stays.
          </p>
        }
      />
    </Panel>
  );
}

/** What the device sends against its template: stored all the same. */
function TemplateFaultPanel({ device }: { device: Device }) {
  const fault = device.template_fault;
  if (!fault) return null;
  return (
    <Panel title="Does not fit its template" aside={<Ago at={fault.last_at} />}>
      <div className="px-3 py-2.5" data-testid="template-fault">
        <p>
          <span className="text-warning">▲ </span>
          <code className="font-mono text-12">{fault.metric_key}</code> {fault.message}
        </p>
        <p className="mt-1 text-12 text-ink-2">
          <span className="num">{many(fault.count, 'value')}</span> since <Ago at={fault.first_at} />. All of it is
          stored: correct the device, or the metric of {device.template_name ?? 'its template'}.
        </p>
      </div>
    </Panel>
  );
}

export default function HealthTab({ device }: { device: Device }) {
  const id = device.device_id;
  const { params, set } = useUrl();
  const narrow = useMedia(phone);
  const named = params.get('health');
  const range = healthRanges.find((r) => r === named) ?? '24h';
  const health = useHealth(id, range);
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const readings = health.data?.data_points;
  const drawn = useMemo(
    () => toldBy(readings ?? []).map((m) => ({ ...m, columns: columnsOf(readings ?? [], m.key) })),
    [readings],
  );
  // Health is what messages say under these names, so rules may watch it.
  const keys = useMemo(() => drawn.map((m) => m.key), [drawn]);
  const lines = useChartLines(id, keys, drawn.length > 0);
  const shades = useChartShades(id, drawn.length > 0);
  const now = (health.dataUpdatedAt || Date.now()) / 1000;
  const [from, to] = zoom ?? [now - seconds[range], now];
  const latest = health.data?.latest;
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
      <div className="flex min-w-0 flex-col gap-4">
        <TemplateFaultPanel device={device} />
        <Panel title="Latest health" aside={latest && <Ago at={latest.time} />}>
          {health.error && !health.data ? (
            <Failure error={health.error} what="Its health" retry={() => void health.refetch()} />
          ) : !health.data ? (
            <div className="p-3">
              <Skeleton className="h-12" />
            </div>
          ) : !latest ? (
            <p className="px-3 py-3 text-ink-2">
              Nothing told yet. Metrics such as <code className="font-mono text-12">battery_pct</code>,{' '}
              <code className="font-mono text-12">rssi</code> or{' '}
              <code className="font-mono text-12">cpu_temp_c</code> in any message are kept as health.
            </p>
          ) : (
            <dl className="grid grid-cols-2 sm:grid-cols-4">
              {tilesOf(latest).map((t) => (
                <div key={t.name} className="min-w-0 px-3 py-2" data-tile={t.name}>
                  <dt className="truncate text-12 text-ink-2">{t.name}</dt>
                  <dd className="num truncate text-15 font-semibold">
                    {t.text}
                    {t.warning && <span className="text-12 font-normal text-warning"> ▲ {t.warning}</span>}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </Panel>
        {health.data && (latest || drawn.length > 0) && (
          <Panel
            title="Over time"
            aside={
              <>
                {zoom && (
                  <Button small onClick={() => setZoom(null)}>
                    Reset zoom
                  </Button>
                )}
                <Segmented
                  label="Health range"
                  value={range}
                  onChange={(r) => {
                    setZoom(null);
                    set({ health: r === '24h' ? null : r });
                  }}
                  options={healthRanges.map((r) => ({ value: r, label: r }))}
                />
              </>
            }
          >
            {drawn.length === 0 ? (
              <p className="px-3 py-3 text-ink-2">Nothing was told in this time.</p>
            ) : (
              <div className="flex flex-col gap-3 px-2 py-2.5 sm:px-3" data-testid="health-charts">
                {drawn.map((m, i) => (
                  <Chart
                    key={m.key}
                    columns={m.columns}
                    version={health.dataUpdatedAt}
                    from={from}
                    to={to}
                    bucketSeconds={300}
                    name={m.name}
                    unit={m.unit}
                    digits={m.digits}
                    colour={(i % 6) + 1}
                    height={narrow ? 120 : 130}
                    lines={lines.get(m.key) ?? noLines}
                    shades={shades.get(m.key) ?? noShades}
                    now={zoom ? undefined : (m.columns.avg.at(-1) ?? undefined)}
                    onZoom={(a, b) => setZoom([a, b])}
                    onReset={() => setZoom(null)}
                  />
                ))}
              </div>
            )}
          </Panel>
        )}
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <Panel
          title="Uptime"
          aside={<CopyCall path={callPath(`/devices/${encodeURIComponent(id)}/uptime`, { range: '24h' })} />}
        >
          <dl className="grid grid-cols-3">
            {uptimeRanges.map((r) => (
              <UptimeFigure key={r} id={id} range={r} />
            ))}
          </dl>
        </Panel>
        <TransportsPanel device={id} />
        <Connections id={id} />
      </div>
    </div>
  );
}
