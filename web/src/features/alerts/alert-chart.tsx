// The metric of an alert around the time when it was open, with the threshold drawn in.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Alert } from '@/api/alerts';
import { api } from '@/api/customer';
import { toColumns, withGaps, type Columns } from '@/lib/series';
import { useTheme } from '@/lib/theme';
import { withUnit } from '@/lib/numbers';
import { clock } from '@/lib/time';
import { Skeleton } from '@/ui/states';
import { metricOf, thresholdOf } from './words';

const hour = 3600;
const height = 150;
const css = (name: string) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** An hour before it opened until shortly after it closed; six hours at most of one that stays open. */
export function windowOf(a: Pick<Alert, 'created_at' | 'closed_at'>, now: number) {
  const opened = Date.parse(a.created_at) / 1000;
  const closed = a.closed_at ? Date.parse(a.closed_at) / 1000 : now;
  return { from: opened - hour, to: Math.min(now, Math.min(closed, opened + 6 * hour) + 600) };
}

/** Local time on a 24-hour clock. */
const minutes = (_u: uPlot, splits: number[]) =>
  splits.map((s) => clock(new Date(s * 1000).toISOString()).slice(0, 5));

interface Drawing {
  columns: Columns;
  bucketSeconds: number;
  from: number;
  to: number;
  threshold: number | null;
  /** Seconds: when it opened and closed. */
  marks: number[];
  words: string;
}

function Plot({ columns, bucketSeconds, from, to, threshold, marks, words }: Drawing) {
  const holder = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const node = holder.current;
    if (!node) return;
    const line = css('--series-1');
    const warn = css('--critical');
    const axis = { stroke: css('--ink-3'), font: `11px ${css('--font-ui')}`, ticks: { show: false } };
    const c = withGaps(columns, bucketSeconds);
    const across = (self: uPlot) => {
      const { ctx, bbox } = self;
      ctx.save();
      ctx.strokeStyle = warn;
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      if (threshold !== null) {
        const y = self.valToPos(threshold, 'y', true);
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
      }
      for (const at of marks) {
        const x = self.valToPos(at, 'x', true);
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
      }
      ctx.stroke();
      ctx.restore();
    };
    const u = new uPlot(
      {
        width: node.clientWidth,
        height,
        padding: [8, 16, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: { time: true, range: [from, to] },
          y: {
            range: (_u, low, high) => {
              const values = [low, high, threshold].filter((v): v is number => v !== null);
              if (values.length === 0) return [0, 1];
              const least = Math.min(...values);
              const most = Math.max(...values);
              const room = (most - least || Math.abs(most) * 0.02 || 1) * 0.08;
              return [least - room, most + room];
            },
          },
        },
        series: [{}, { stroke: line, width: 1.5, spanGaps: false, points: { size: 4, fill: line } }],
        axes: [
          { ...axis, size: 26, space: 70, grid: { show: false }, values: minutes },
          { ...axis, size: 50, space: 30, grid: { stroke: css('--line'), width: 1 } },
        ],
        hooks: { draw: [across] },
      },
      [c.time, c.avg] as uPlot.AlignedData,
      node,
    );
    const watcher = new ResizeObserver(() => {
      if (node.clientWidth > 0) u.setSize({ width: node.clientWidth, height });
    });
    watcher.observe(node);
    return () => {
      watcher.disconnect();
      u.destroy();
    };
  }, [columns, bucketSeconds, from, to, threshold, marks, theme]);
  return <div ref={holder} role="img" aria-label={words} style={{ height }} />;
}

/** Nothing where the alert is about no metric, or nothing of it is stored. */
export function AlertChart({ alert: a }: { alert: Alert }) {
  const metric = metricOf(a);
  const history = useQuery({
    queryKey: ['alert chart', a.alert_id, a.status, metric],
    queryFn: async ({ signal }) => {
      const { from, to } = windowOf(a, Date.now() / 1000);
      const iso = (s: number) => new Date(s * 1000).toISOString();
      const h = await api.history(
        a.device_id,
        { metric: [metric ?? ''], start: iso(from), end: iso(to), points: 300 },
        signal,
      );
      const marks = [a.created_at, a.closed_at].flatMap((t) => (t ? [Date.parse(t) / 1000] : []));
      const series = h.series[0];
      return {
        columns: toColumns(series?.points ?? []),
        unit: series?.unit ?? null,
        bucketSeconds: h.bucket_seconds,
        from,
        to,
        marks,
      };
    },
    enabled: metric !== null,
    retry: false,
    staleTime: 60_000,
  });
  if (metric === null || history.error) return null;
  if (!history.data) return <Skeleton className="h-40" />;
  if (history.data.columns.time.length === 0) return null;
  const threshold = thresholdOf(a);
  const limit = threshold === null ? '' : `, threshold ${withUnit(threshold, history.data.unit)}`;
  return (
    <figure>
      <figcaption className="text-12 text-ink-2">
        {metric}
        {limit && <span className="text-critical">{limit}</span>}
      </figcaption>
      <Plot {...history.data} threshold={threshold} words={`${metric} around the alert${limit}`} />
    </figure>
  );
}
