// What is known of each metric of a device: name, unit, digits; from its sensors, the metrics
// endpoint, or its name alone.
import type { Device, MetricInfo } from '@/api/types';
import { describe } from '@/lib/numbers';

export interface MetricFacts {
  key: string;
  name: string;
  unit: string | null;
  digits: number;
  value: number | boolean | string | null;
  charted: boolean;
  /** Of a normalized metric: what the device sends for it. */
  from?: string;
}

const position = /^(lat|latitude|lng|lon|longitude)$/i;
const preferred = ['temp_c', 'temperature', 'humidity_pct', 'humidity', 'battery_pct'];

/** True for a name that the server made of the key alone, such as "Temp c" of `temp_c`. */
const mechanical = (name: string, key: string) =>
  name.toLowerCase().replace(/[\s_]+/g, '_') === key.toLowerCase();

/** All metrics of a device, in a steady order. */
export function metricFacts(device: Device, infos: MetricInfo[] | undefined): MetricFacts[] {
  const state = device.state ?? {};
  const keys = new Set<string>([...(infos ?? []).map((i) => i.metric_key), ...Object.keys(state)]);
  for (const s of device.sensors ?? []) if (s.status !== 'disabled') keys.add(s.metric_name);
  const out = [...keys].map((key): MetricFacts => {
    const info = infos?.find((i) => i.metric_key === key);
    const sensor = device.sensors?.find((s) => s.metric_name === key);
    const guess = describe(key);
    const named = info?.display_name ?? sensor?.label;
    const value = state[key] ?? sensor?.last_value ?? sensor?.last_value_text ?? null;
    return {
      key,
      name: named && !mechanical(named, key) ? named : guess.name,
      unit: info?.unit ?? sensor?.unit ?? guess.unit,
      digits: info?.precision_digits ?? sensor?.precision_digits ?? 2,
      value,
      charted: value === null || typeof value === 'number' || typeof value === 'boolean',
    };
  });
  const rank = (key: string) => {
    const at = preferred.indexOf(key);
    return at < 0 ? preferred.length : at;
  };
  return out.sort((a, b) => rank(a.key) - rank(b.key) || a.key.localeCompare(b.key));
}

/** The metrics to draw when the URL names none: the first three that are numbers. */
export function defaultMetrics(all: MetricFacts[]): string[] {
  return all
    .filter((m) => typeof m.value === 'number' && !position.test(m.key))
    .slice(0, 3)
    .map((m) => m.key);
}
