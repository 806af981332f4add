// The last hour of a device's main metric as a line, asked for when its row stays on the screen.
import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/customer';
import type { Device } from '@/api/types';
import { lanes } from '@/lib/for-each';
import { describe, withUnit } from '@/lib/numbers';
import { figures, sparkPath, toColumns } from '@/lib/series';
import { mainMetric } from './readings';

const width = 96;
const height = 20;
/** Buckets of two minutes. */
const points = 30;
/** Few at a time: a screen of lines must not hold up what a person asks for. */
const run = lanes(3);

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done, gone) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      gone(signal.reason as Error);
    });
  });

export function Sparkline({ device }: { device: Device }) {
  const id = device.device_id;
  const metric = mainMetric(device.state);
  const hour = useQuery({
    queryKey: ['spark', id, metric],
    queryFn: async ({ signal }) => {
      // Rows that only scroll by ask for nothing.
      await pause(200, signal);
      return run(
        () => api.history(id, { metric: [metric!], range: '1h', points }, signal),
        signal,
      );
    },
    enabled: metric !== null && device.last_seen_at !== null,
    staleTime: 60_000,
    refetchInterval: 60_000,
    retry: false,
  });
  const series = hour.data?.series[0];
  if (!series || series.points.length === 0 || metric === null) return null;
  const c = toColumns(series.points);
  const now = hour.dataUpdatedAt / 1000;
  const f = figures(c);
  const { name, unit } = describe(metric);
  const say = (v: number | null) => withUnit(v, series.unit ?? unit, 1);
  const words = `${name}, last hour: ${say(f.min)} to ${say(f.max)}`;
  return (
    <svg
      role="img"
      aria-label={words}
      data-spark={metric}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      className={device.status === 'ONLINE' ? 'text-accent' : 'text-ink-3'}
    >
      <title>{words}</title>
      <path
        d={sparkPath(c, now - 3600, now, width, height)}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.25"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}
