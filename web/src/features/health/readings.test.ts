import { expect, it } from 'vitest';
import type { HealthReading } from '@/api/instances';
import { columnsOf, eventOf, tilesOf, toldBy } from './readings';

const reading = (more: Partial<HealthReading>): HealthReading => ({
  time: '2026-01-01T00:00:00Z', rssi: null, rsrp: null, sinr: null, signal_quality: null, network_type: null,
  battery_pct: null, battery_voltage: null, power_source: null, charging: null, cpu_temp_c: null,
  memory_used_pct: null, storage_used_pct: null, uptime_seconds: null, reboot_count: null, error_count: null, ...more,
});

it('draws what is told, oldest first', () => {
  const all = [
    reading({ time: '2026-01-01T02:00:00Z', battery_pct: 40 }),
    reading({ time: '2026-01-01T01:00:00Z', rssi: -90 }),
    reading({ time: '2026-01-01T00:00:00Z', battery_pct: 60 }),
  ];
  expect(toldBy(all).map((m) => m.key)).toEqual(['battery_pct', 'rssi']);
  expect(columnsOf(all, 'battery_pct').avg).toEqual([60, 40]);
  expect(toldBy([])).toEqual([]);
});

it('shows only what a reading holds, and warns in a word', () => {
  expect(tilesOf(reading({ battery_pct: 12, uptime_seconds: 7200 }))).toEqual([
    { name: 'Battery', text: '12 %', warning: 'low' },
    { name: 'Running for', text: '2 h', warning: null },
  ]);
  expect(tilesOf(reading({ battery_pct: 12, charging: true }))[0]).toEqual({
    name: 'Battery', text: '12 %, charging', warning: null,
  });
  expect(tilesOf(reading({ rssi: -118 }))[0]!.warning).toBe('weak');
});

it('names the events of a connection', () => {
  expect(eventOf('CONNECTED')).toEqual({ word: 'Connected', up: true });
  expect(eventOf('CONNECTION_LOST')).toEqual({ word: 'Connection lost', up: false });
});
