import { expect, it } from 'vitest';
import type { Device, DeviceList } from '@/api/types';
import { devicesCsv } from './export-devices';
import { mainMetric, mainReadings } from './readings';
import { idsBetween } from './selection';
import { viewOf, withView } from './views';

const device = (n: number) => ({ device_id: `d-${n}`, tenant_id: 't', status: 'ONLINE' }) as unknown as Device;

it('takes units from the device and guesses only without', () => {
  const state = { current: 3.25, voltage: 230, temp: 20 };
  expect(mainReadings(state, { current: 'A', voltage: 'V' }).map((r) => r.text)).toEqual(['3.3 A', '230 V', '20']);
  expect(mainReadings({ temperature: 1 }).map((r) => r.text)).toEqual(['1 °C']);
  expect(mainMetric({ door_open: false, latitude: 1, battery: 70 })).toBe('battery');
  expect(mainMetric({ door_open: false })).toBeNull();
});

it('selects from one row to another, in either direction', () => {
  const at = (i: number) => (i < 4 ? device(i) : null);
  expect(idsBetween(at, 3, 1)).toEqual(['d-1', 'd-2', 'd-3']);
  expect(idsBetween(at, 2, 9)).toEqual(['d-2', 'd-3']);
});

it.each([true, false])('exports the last row of a long list too (cursors: %s)', async (cursors) => {
  const total = 51_001;
  const asked: [number, string | undefined][] = [];
  const ask = async (limit: number, offset: number, cursor?: string): Promise<DeviceList> => {
    asked.push([offset, cursor]);
    const first = cursor ? Number(cursor) : offset;
    const devices = Array.from({ length: Math.min(limit, total - first) }, (_, i) => device(first + i));
    const next = first + devices.length;
    return { devices, total, limit, offset, next_cursor: cursors && devices.length === limit ? String(next) : null };
  };
  let seen = 0;
  const lines = (await devicesCsv(ask, (rows) => (seen = rows))).join('').trim().split('\r\n');
  expect(seen).toBe(total);
  expect(lines).toHaveLength(total + 1);
  expect(lines[0]).toMatch(/^device_id,name/);
  expect(lines.at(-1)).toMatch(/^d-51000,/);
  expect(asked[1]).toEqual(cursors ? [0, '1000'] : [1000, undefined]);
});

it('keeps views by name and knows the one that is shown', () => {
  const a = { name: 'b', q: 'status:stale', sort: null, columns: { site: false } };
  const views = withView([a], { ...a, name: 'a', sort: '-name' });
  expect(views.map((v) => v.name)).toEqual(['a', 'b']);
  expect(withView(views, { ...a, q: 'x' })).toHaveLength(2);
  expect(viewOf(views, { q: 'status:stale', sort: null, columns: { site: false, tags: true } })?.name).toBe('b');
  expect(viewOf(views, { q: 'status:stale', sort: null, columns: {} })).toBeNull();
});
