import type { Metrics } from '@/api/types';
import { describe, withUnit } from '@/lib/numbers';

type Units = Record<string, string> | null | undefined;

const leftOut = /^(lat|latitude|lng|lon|longitude|seq|uptime.*|ts)$/i;
const first = ['temp_c', 'temperature', 'humidity_pct', 'humidity', 'battery_pct'];

export interface MainReading {
  key: string;
  name: string;
  text: string;
  /** The unit alone says what it is. */
  plain: boolean;
}

function ranked(state: Metrics): [string, unknown][] {
  const rank = (key: string) => {
    const at = first.indexOf(key);
    return at < 0 ? first.length : at;
  };
  return Object.entries(state)
    .filter(([key]) => !leftOut.test(key))
    .sort((a, b) => rank(a[0]) - rank(b[0]));
}

/** The readings that say most: a few, the usual suspects first. */
export function mainReadings(state: Metrics | null | undefined, units?: Units, most = 3): MainReading[] {
  return ranked(state ?? {})
    .filter((pair): pair is [string, Metrics[string]] =>
      ['number', 'boolean', 'string'].includes(typeof pair[1]),
    )
    .slice(0, most)
    .map(([key, v]) => {
      const guess = describe(key);
      const unit = units?.[key] ?? guess.unit;
      const text = withUnit(v, unit, Number.isInteger(v) ? 0 : 1);
      return { key, name: guess.name, text, plain: unit === '°C' && guess.name === 'Temperature' };
    });
}

/** The number that says most of a device, or null. */
export function mainMetric(state: Metrics | null | undefined): string | null {
  return ranked(state ?? {}).find(([, v]) => typeof v === 'number')?.[0] ?? null;
}

export function Readings({ state, units }: { state: Metrics | null | undefined; units?: Units }) {
  const list = mainReadings(state, units);
  if (list.length === 0) return <span className="text-ink-3">–</span>;
  return (
    <span className="num truncate">
      {list.map((r, i) => (
        <span key={r.key} title={r.name}>
          {i > 0 && <span className="text-ink-3"> · </span>}
          {!r.plain && <span className="text-12 text-ink-3">{r.name} </span>}
          {r.text}
        </span>
      ))}
    </span>
  );
}

export const deviceLink = (id: string) => `/devices/${encodeURIComponent(id)}`;
