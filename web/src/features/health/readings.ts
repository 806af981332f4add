// Health readings as tiles and as columns of a chart.
import type { HealthReading } from '@/api/instances';
import { emptyColumns, type Columns } from '@/lib/series';
import { span } from '@/lib/time';

export interface HealthMetric {
  key: keyof HealthReading;
  name: string;
  unit: string | null;
  digits: number;
}

/** What is drawn over time, where a device tells it. */
export const healthMetrics: readonly HealthMetric[] = [
  { key: 'battery_pct', name: 'Battery', unit: '%', digits: 0 },
  { key: 'battery_voltage', name: 'Battery voltage', unit: 'V', digits: 2 },
  { key: 'rssi', name: 'Signal (RSSI)', unit: 'dBm', digits: 0 },
  { key: 'signal_quality', name: 'Signal quality', unit: '%', digits: 0 },
  { key: 'cpu_temp_c', name: 'Temperature inside', unit: '°C', digits: 1 },
  { key: 'memory_used_pct', name: 'Memory used', unit: '%', digits: 0 },
  { key: 'storage_used_pct', name: 'Storage used', unit: '%', digits: 0 },
];

const numberOf = (r: HealthReading, key: keyof HealthReading): number | null => {
  const v = r[key];
  return typeof v === 'number' ? v : null;
};

/** Those of which any reading tells. */
export const toldBy = (readings: readonly HealthReading[]): HealthMetric[] =>
  healthMetrics.filter((m) => readings.some((r) => numberOf(r, m.key) !== null));

/** One of them over time, oldest first. */
export function columnsOf(readings: readonly HealthReading[], key: keyof HealthReading): Columns {
  const out = emptyColumns();
  const sorted = readings
    .map((r) => ({ t: Date.parse(r.time) / 1000, v: numberOf(r, key) }))
    .filter((x): x is { t: number; v: number } => x.v !== null && Number.isFinite(x.t))
    .sort((a, b) => a.t - b.t);
  for (const { t, v } of sorted) {
    out.time.push(t);
    out.avg.push(v);
    out.min.push(v);
    out.max.push(v);
    out.count.push(1);
  }
  return out;
}

export interface Tile {
  name: string;
  text: string;
  /** A word of warning. */
  warning: string | null;
}

/** The latest reading in tiles: only what it tells. */
export function tilesOf(r: HealthReading): Tile[] {
  const out: Tile[] = [];
  const add = (name: string, text: string | null, warning: string | null = null) => {
    if (text !== null) out.push({ name, text, warning });
  };
  const unit = (v: number | null, u: string) => (v === null ? null : `${v} ${u}`);
  const { battery_pct: battery, rssi, signal_quality: quality, cpu_temp_c: heat } = r;
  const power = r.charging ? 'charging' : r.power_source;
  add(
    'Battery',
    battery === null ? null : `${battery} %${power ? `, ${power}` : ''}`,
    battery !== null && battery < 20 && !r.charging ? 'low' : null,
  );
  add('Battery voltage', unit(r.battery_voltage, 'V'));
  add('Signal', unit(rssi, 'dBm'), rssi !== null && rssi < -110 ? 'weak' : null);
  add('Signal quality', unit(quality, '%'), quality !== null && quality < 30 ? 'poor' : null);
  add('Network', r.network_type);
  add('Temperature inside', unit(heat, '°C'), heat !== null && heat > 80 ? 'hot' : null);
  add('Memory used', unit(r.memory_used_pct, '%'), (r.memory_used_pct ?? 0) >= 90 ? 'nearly full' : null);
  add('Storage used', unit(r.storage_used_pct, '%'), (r.storage_used_pct ?? 0) >= 90 ? 'nearly full' : null);
  add('Running for', r.uptime_seconds === null ? null : span(r.uptime_seconds));
  add('Reboots', r.reboot_count === null ? null : String(r.reboot_count));
  add('Errors', r.error_count === null ? null : String(r.error_count));
  return out;
}

const words: Record<string, string> = {
  CONNECTED: 'Connected',
  DISCONNECTED: 'Disconnected',
  CONNECTION_LOST: 'Connection lost',
};

/** A connection event in a word, with its shape: up or down. */
export const eventOf = (type: string): { word: string; up: boolean } => ({
  word: words[type] ?? type,
  up: type === 'CONNECTED',
});
