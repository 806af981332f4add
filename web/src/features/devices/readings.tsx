import type { Metrics } from '@/api/types';
import { describe, withUnit } from '@/lib/numbers';

const leftOut = /^(lat|latitude|lng|lon|longitude|seq|uptime.*|ts)$/i;

/** The readings that say most: a few, the usual suspects first. */
export function mainReadings(state: Metrics | null | undefined, most = 3): [string, string][] {
  if (!state) return [];
  const first = ['temp_c', 'temperature', 'humidity', 'humidity_pct', 'battery_pct'];
  const rank = (key: string) => {
    const at = first.indexOf(key);
    return at < 0 ? first.length : at;
  };
  return Object.entries(state)
    .filter(([key, v]) => !leftOut.test(key) && ['number', 'boolean', 'string'].includes(typeof v))
    .sort((a, b) => rank(a[0]) - rank(b[0]))
    .slice(0, most)
    .map(([key, v]) => {
      const d = describe(key);
      return [d.name, withUnit(v, d.unit, Number.isInteger(v) ? 0 : 1)];
    });
}

export function Readings({ state }: { state: Metrics | null | undefined }) {
  const list = mainReadings(state);
  if (list.length === 0) return <span className="text-ink-3">–</span>;
  return (
    <span className="num truncate">
      {list.map(([name, text], i) => (
        <span key={name} title={name}>
          {i > 0 && <span className="text-ink-3"> · </span>}
          <span className="text-12 text-ink-3">{name} </span>
          {text}
        </span>
      ))}
    </span>
  );
}

export const deviceLink = (id: string) => `/devices/${encodeURIComponent(id)}`;
