import type { MetricInfo, Metrics } from '@/api/types';

const most = 3;
const position = /^(lat|latitude|lng|lon|longitude)$/i;

/**
 * Metrics for a trial message: the device's own last values, so that a trial looks like the rest;
 * else its described metrics in the middle of their ranges; else two that anyone understands.
 */
export function sampleOf(
  state: Metrics | null | undefined,
  infos: MetricInfo[] | undefined,
): Metrics {
  const last = Object.entries(state ?? {}).filter(
    ([key, v]) => typeof v === 'number' && !position.test(key),
  );
  if (last.length > 0) return Object.fromEntries(last.slice(0, most));
  const described = (infos ?? []).filter((m) => !position.test(m.metric_key)).slice(0, most);
  if (described.length > 0)
    return Object.fromEntries(described.map((m) => [m.metric_key, middle(m)]));
  return { temp_c: -18.4, battery_pct: 81 };
}

function middle(m: MetricInfo): number {
  const low = m.min_range ?? 0;
  const high = m.max_range ?? low + 40;
  return Number(((low + high) / 2).toFixed(Math.min(2, m.precision_digits ?? 1)));
}
