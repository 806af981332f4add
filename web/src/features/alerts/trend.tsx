import type { TrendHour } from '@/api/alerts';
import { many } from '@/lib/numbers';
import { Failure } from '@/ui/states';
import { useTrend } from './queries';

const width = 240;
const height = 28;

/** How many alerts opened (bars up) and closed in each of the last 24 hours. */
export function Trend() {
  const { data, error, refetch } = useTrend();
  if (error) return <Failure error={error} what="The last 24 hours" retry={() => void refetch()} />;
  if (!data || data.every((h) => h.opened === 0 && h.closed === 0)) return null;
  const most = Math.max(...data.map((h) => Math.max(h.opened, h.closed)));
  const step = width / data.length;
  const tall = (n: number) => (n / most) * (height - 2);
  const sum = (of: (h: TrendHour) => number) => data.reduce((n, h) => n + of(h), 0);
  const opened = sum((h) => h.opened);
  const closed = sum((h) => h.closed);
  return (
    <p className="mb-2.5 flex flex-wrap items-end gap-x-3 gap-y-1 text-12 text-ink-2">
      <svg width={width} height={height} role="img" aria-label="Opened and closed in each hour">
        {data.map((h, i) => (
          <g key={h.hour}>
            <rect
              x={i * step + 1}
              y={height - tall(h.opened)}
              width={step / 2 - 1}
              height={tall(h.opened)}
              fill="var(--warning)"
            />
            <rect
              x={i * step + step / 2}
              y={height - tall(h.closed)}
              width={step / 2 - 1}
              height={tall(h.closed)}
              fill="var(--ink-3)"
            />
          </g>
        ))}
      </svg>
      <span className="num">
        24 h: <span className="text-warning">{many(opened, 'alert')} opened</span>, {closed} closed
      </span>
    </p>
  );
}
