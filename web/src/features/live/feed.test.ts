import { expect, it } from 'vitest';
import { Feed, secondsKept } from './feed';

const message = (device_id: string, site_id: string | null = null) => ({
  device_id,
  site_id,
  ts: '2026-01-01T00:00:00Z',
  metrics: { t: 1 },
  seq: null,
  msg_type: 'telemetry',
});
const all = { site: null, device: '' };
const nameOf = (id: string) => (id === 'd-1' ? 'Reefer one' : undefined);

it('shows the newest first, and what fits the filter', () => {
  const feed = new Feed();
  feed.stored(message('d-1', 'hall'), 0);
  feed.stored(message('d-2', 'yard'), 0);
  feed.refused('d-1', 'INVALID_JSON', '2026-01-01T00:00:01Z', 0);
  const devices = (filter: Partial<typeof all> | { site: string }) =>
    feed.shown({ ...all, ...filter }, nameOf, 10).map((r) => r.device);
  expect(devices({})).toEqual(['d-1', 'd-2', 'd-1']);
  expect(devices({ site: 'yard' })).toEqual(['d-2']);
  expect(devices({ device: 'REEFER' })).toEqual(['d-1', 'd-1']);
  expect(devices({ device: 'd-2' })).toEqual(['d-2']);
});

it('keeps still at a row while it is paused', () => {
  const feed = new Feed();
  feed.stored(message('a'), 0);
  const upTo = feed.newest;
  feed.stored(message('b'), 0);
  expect(feed.shown(all, nameOf, 10, upTo).map((r) => r.device)).toEqual(['a']);
  expect(feed.newest - upTo).toBe(1);
});

it('stays bounded, and counts per second', () => {
  const feed = new Feed();
  for (let i = 0; i < 10_000; i += 1) feed.stored(message(`d-${i}`), i * 10);
  expect(feed.shown(all, nameOf, 1e6).length).toBeLessThanOrEqual(2500);
  expect(feed.shown(all, nameOf, 1)[0]!.device).toBe('d-9999');
  const counts = feed.perSecond(100_000);
  expect(counts).toHaveLength(secondsKept);
  expect(counts.every((n) => n === 100)).toBe(true);
  expect(feed.total).toBe(10_000);
});
