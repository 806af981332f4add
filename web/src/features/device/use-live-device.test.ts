import { expect, it } from 'vitest';
import type { Device } from '@/api/types';
import { metricFacts } from './metric-facts';
import { withMessage } from './use-live-device';

const device = { device_id: 'd', state: { a: 1, b: 2 }, last_telemetry_at: '2026-01-01T00:00:10Z' };

it('newer values win, older ones only fill in', () => {
  const d = device as unknown as Device;
  const newer = withMessage(d, { ts: '2026-01-01T00:00:11Z', metrics: { a: 5 } });
  expect(newer.state).toEqual({ a: 5, b: 2 });
  expect(newer.last_seen_at).toBe('2026-01-01T00:00:11Z');
  const older = withMessage(newer, { ts: '2026-01-01T00:00:01Z', metrics: { a: 9, c: 3 } });
  expect(older.state).toEqual({ a: 5, b: 2, c: 3 });
  expect(older.last_telemetry_at).toBe('2026-01-01T00:00:11Z');
});

it('keeps a name that a person gave and improves one made of the key', () => {
  const d = { state: { temp_c: 1, battery_pct: 80 }, sensors: [] } as unknown as Device;
  const info = { unit: null, min_range: null, max_range: null, precision_digits: 1 };
  const facts = metricFacts(d, [
    { ...info, metric_key: 'temp_c', display_name: 'Temp c' },
    { ...info, metric_key: 'battery_pct', display_name: 'Main cell' },
  ]);
  expect(facts.map((f) => [f.name, f.unit])).toEqual([
    ['Temperature', '°C'],
    ['Main cell', '%'],
  ]);
});
