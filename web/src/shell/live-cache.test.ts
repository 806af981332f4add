import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, it } from 'vitest';
import type { Device, DeviceList } from '@/api/types';
import { afterChange, afterStatus, applyStatus, refresh } from './live-cache';

const device = (device_id: string, status: Device['status']) =>
  ({ device_id, status, site_id: null, last_seen_at: null }) as Device;
const list = (...devices: Device[]): DeviceList => ({
  devices,
  total: devices.length,
  limit: 100,
  offset: 0,
});

/** A query that a page shows; counts how often it is asked. */
async function shown(queries: QueryClient, queryKey: unknown[], data: unknown) {
  let asked = 0;
  const observer = new QueryObserver(queries, {
    queryKey,
    queryFn: () => {
      asked += 1;
      return data;
    },
  });
  observer.subscribe(() => {});
  await observer.refetch();
  asked = 0;
  return () => asked;
}

it('asks lists by status anew after a status change, and patches the others', async () => {
  const queries = new QueryClient();
  const stale = await shown(queries, ['devices', { status: 'STALE' }, 100, 0], list());
  const sorted = await shown(queries, ['devices', { sort: '-status' }, 100, 0], list());
  const searched = await shown(queries, ['devices', { q: 'tag:a -status:stale' }, 100, 0], list());
  const grouped = await shown(queries, ['devices', { q: 'group:a' }, 100, 0], list());
  const other = await shown(queries, ['devices', { q: 'site:a' }, 100, 0], list());
  const all = await shown(queries, ['devices', {}, 100, 0], list(device('a', 'ONLINE')));
  applyStatus(queries, [{ device_id: 'a', status: 'STALE', since: '2026-01-01T00:00:00Z' }]);
  refresh(queries, new Set(afterStatus));
  expect([stale(), sorted(), searched(), grouped(), other(), all()]).toEqual([1, 1, 1, 1, 0, 0]);
  const row = queries.getQueryData<DeviceList>(['devices', {}, 100, 0])!.devices[0]!;
  expect([row.status, row.last_state_change_at]).toEqual(['STALE', '2026-01-01T00:00:00Z']);
});

it('asks what a write touches, and the first steps, anew', async () => {
  const queries = new QueryClient();
  const sites = await shown(queries, ['sites'], []);
  const templates = await shown(queries, ['templates', 'all'], []);
  const steps = await shown(queries, ['getting-started'], {});
  refresh(queries, new Set(afterChange('templates')));
  expect([sites(), templates(), steps()]).toEqual([0, 1, 1]);
  refresh(queries, new Set(afterChange('rules')));
  expect(steps()).toBe(2);
  const devices = await shown(queries, ['devices', {}, 100, 0], list());
  refresh(queries, new Set(afterChange('devices')));
  expect([devices(), sites()]).toEqual([1, 1]);
});

it('asks for alerts anew when they are found again, and not how many there are', async () => {
  const queries = new QueryClient();
  const inbox = await shown(queries, ['alerts', 'list', { status: 'OPEN' }, 50], {});
  const count = await shown(queries, ['alerts', 'open count'], 3);
  const one = await shown(queries, ['alert:7', 'timeline'], []);
  const steps = await shown(queries, ['getting-started'], {});
  refresh(queries, new Set(afterChange('alerts:repeated')));
  expect([inbox(), count(), one(), steps()]).toEqual([1, 0, 1, 0]);
});
