import type { Metrics } from '@/api/types';
import { describe, withUnit } from '@/lib/numbers';

const leftOut = /^(lat|latitude|lng|lon|longitude|seq|uptime.*|ts)$/i;

export interface MainReading {
  name: string;
  text: string;
  /** The unit alone says what it is. */
  plain: boolean;
}

/** The readings that say most: a few, the usual suspects first. */
export function mainReadings(state: Metrics | null | undefined, most = 3): MainReading[] {
  if (!state) return [];
  const first = ['temp_c', 'temperature', 'humidity_pct', 'humidity', 'battery_pct'];
  const rank = (key: string) => {
    const at = first.indexOf(key);
    return at < 0 ? first.length : at;
  };
  return Object.entries(state)
    .filter(([key, v]) => !leftOut.test(key) && ['number', 'boolean', 'string'].includes(typeof v))
    .sort((a, b) => rank(a[0]) - rank(b[0]))
    .slice(0, most)
    .map(([key, v]) => {
      const { name, unit } = describe(key);
      const text = withUnit(v, unit, Number.isInteger(v) ? 0 : 1);
      return { name, text, plain: unit === '°C' && name === 'Temperature' };
    });
}

export function Readings({ state }: { state: Metrics | null | undefined }) {
  const list = mainReadings(state);
  if (list.length === 0) return <span className="text-ink-3">–</span>;
  return (
    <span className="num truncate">
      {list.map((r, i) => (
        <span key={r.name} title={r.name}>
          {i > 0 && <span className="text-ink-3"> · </span>}
          {!r.plain && <span className="text-12 text-ink-3">{r.name} </span>}
          {r.text}
        </span>
      ))}
    </span>
  );
}

export const deviceLink = (id: string) => `/devices/${encodeURIComponent(id)}`;
