// What the rule would have done: how often, on which devices, drawn on one of them.
import { useEffect, useMemo, useState } from 'react';
import type { Preview, PreviewedDevice, RuleInput } from '@/api/rules';
import { Chart, type ChartLine } from '@/features/device/chart';
import { cx } from '@/lib/cx';
import { describe, many } from '@/lib/numbers';
import { dayAndMinute, span } from '@/lib/time';
import { useSettled } from '@/lib/use-settled';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Failure, Skeleton } from '@/ui/states';
import { usePreview } from './queries';
import { severityWord } from './sentence';

const ranges = [
  { value: '1', label: '1 day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
];

/** The values at which the rule decides, where they are values of what is drawn. */
function linesOf(rule: RuleInput): ChartLine[] {
  if (rule.rule_type === 'anomaly' || rule.rule_type === 'telemetry_gap') return [];
  if (rule.rule_type === 'window' && ['sum', 'count'].includes(rule.aggregation ?? '')) return [];
  const tone = severityWord(rule.severity) === 'critical' ? 'critical' : 'warning';
  const first = rule.conditions?.[0];
  const values = rule.conditions?.length
    ? rule.conditions.filter((c) => c.metric_name === first?.metric_name).map((c) => c.threshold)
    : [rule.threshold ?? 0];
  const out: ChartLine[] = values.map((value) => ({ value, label: 'opens', tone, fit: true }));
  if (rule.clear_threshold != null)
    out.push({ value: rule.clear_threshold, label: 'is over', tone: 'ink-3', fit: true });
  return out;
}

function Drawn({ told, device, rule }: { told: Preview; device: PreviewedDevice; rule: RuleInput }) {
  const from = Date.parse(told.from) / 1000;
  // Where the preview was cut, what was not judged is not drawn as if nothing had been there.
  const to = Date.parse(device.judged_to) / 1000;
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  useEffect(() => setZoom(null), [told.from, device.device_id]);
  const columns = useMemo(
    () => device.series ?? { time: [], avg: [], min: [], max: [], count: [] },
    [device.series],
  );
  const lines = useMemo(() => linesOf(rule), [rule]);
  const shades = useMemo(
    () =>
      device.alerts.map((a): [number, number] => [
        Date.parse(a.opened_at) / 1000,
        a.closed_at ? Date.parse(a.closed_at) / 1000 : to,
      ]),
    [device.alerts, to],
  );
  const known = describe(told.metric_name);
  return (
    <Chart
      columns={columns}
      version={0}
      from={zoom?.[0] ?? from}
      to={zoom?.[1] ?? to}
      bucketSeconds={told.bucket_seconds}
      name={told.metric_name}
      unit={known.unit}
      digits={2}
      colour={1}
      height={190}
      now={undefined}
      lines={lines}
      shades={shades}
      onZoom={(a, b) => setZoom([a, b])}
      onReset={() => setZoom(null)}
    />
  );
}

/** `rule` is null while it is not whole. */
export function PreviewPanel({ rule }: { rule: RuleInput | null }) {
  const [days, setDays] = useState('7');
  const [chosen, setChosen] = useState<string | null>(null);
  const settled = useSettled(rule, 500);
  const preview = usePreview(settled, Number(days));
  const told = preview.data;
  const device = told?.devices.find((d) => d.device_id === chosen) ?? told?.devices[0];
  const firing = told?.devices.filter((d) => d.alert_count > 0) ?? [];
  return (
    <Panel
      title="What it would have done"
      aside={<Segmented label="How far back" options={ranges} value={days} onChange={setDays} />}
    >
      {rule === null ? (
        <p className="px-3 py-6 text-ink-2">
          Say when it should fire: the last days are then judged by it here, before you save.
        </p>
      ) : preview.error ? (
        <Failure error={preview.error} what="The preview" retry={() => void preview.refetch()} />
      ) : !told || !settled ? (
        <div role="status" aria-label="Judging the last days" className="px-3 py-3">
          <Skeleton className="h-52" />
        </div>
      ) : (
        <div className={cx('flex flex-col gap-3 px-3 py-3', preview.isPlaceholderData && 'opacity-60')}>
          <p data-testid="preview-told" role="status">
            {told.devices_in_scope === 0 ? (
              'No device is in its scope.'
            ) : (
              <>
                <b className="num">{many(told.alert_count, 'alert')}</b> in {many(told.days, 'day')} on{' '}
                <span className="num">
                  {firing.length} of {many(told.devices_judged, 'device')}
                </span>
                {firing.length > 0 &&
                  `, open for ${span(Math.round(firing.reduce((sum, d) => sum + d.seconds, 0)))} together`}
                .
              </>
            )}
            {told.messages === 0 && told.devices_in_scope > 0 && (
              <span className="text-ink-2"> None of them sent {told.metric_name} in that time.</span>
            )}
          </p>
          {told.cut && <p className="text-12 text-warning">▲ {told.cut}.</p>}
          {device?.series && device.series.time.length > 0 && (
            <Drawn told={told} device={device} rule={settled} />
          )}
          {told.devices.length > 1 && (
            <ul aria-label="Devices" className="max-h-44 overflow-y-auto rounded-m border">
              {told.devices.map((d) => (
                <li key={d.device_id} className="border-b last:border-b-0">
                  <button
                    type="button"
                    aria-pressed={d === device}
                    disabled={!d.series}
                    onClick={() => setChosen(d.device_id)}
                    className={cx(
                      'flex w-full items-center justify-between gap-3 px-2.5 py-1 text-left focus-visible:-outline-offset-2',
                      d === device ? 'bg-surface-2' : 'hover:bg-surface-2',
                    )}
                  >
                    <span className="min-w-0 truncate">{d.name}</span>
                    <span className={cx('num text-12', d.alert_count > 0 ? 'text-critical' : 'text-ink-2')}>
                      {d.alert_count > 0
                        ? `${many(d.alert_count, 'alert')}, ${span(Math.round(d.seconds))}`
                        : 'none'}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )}
          {device && device.alerts.length > 0 && (
            <ul aria-label={`Would-be alerts of ${device.name}`} className="text-12 text-ink-2">
              {device.alerts.slice(-5).map((a) => (
                <li key={a.opened_at} className="num">
                  {dayAndMinute(Date.parse(a.opened_at))}, {a.closed_at ? `for ${span(Math.round(a.seconds))}` : 'still open'}:{' '}
                  {a.summary.slice(a.summary.indexOf(': ') + 2)}
                </li>
              ))}
            </ul>
          )}
          <p className="text-12 text-ink-3">Silences and maintenance are not looked at.</p>
        </div>
      )}
    </Panel>
  );
}
