import { describe, expect, it } from 'vitest';
import { clustersAt, Clusters, allStatuses, worstOf } from './clusters';
import { fitting, inside, latitudeOf, longitudeOf, pixelOf, readView, ruler, writeView, xOf, yOf, zoomed } from './mercator';
import { Points, statuses, type Places } from './points';
import type { Status } from '@/api/types';
import { readAll } from './use-map-devices';

type Placed = [id: string, latitude: number, longitude: number, status: number];

const at = (id: string, latitude: number, longitude: number, status: Status = 'ONLINE'): Placed => [
  id,
  latitude,
  longitude,
  statuses.indexOf(status),
];

const placesOf = (devices: readonly Placed[]): Places => ({
  device_ids: devices.map((d) => d[0]),
  names: devices.map(() => null),
  latitudes: devices.map((d) => d[1]),
  longitudes: devices.map((d) => d[2]),
  statuses: devices.map((d) => d[3]),
});

function made(...devices: Placed[]): Points {
  const points = new Points();
  points.add(placesOf(devices));
  return points;
}

describe('mercator', () => {
  it('goes there and back', () => {
    for (const [lat, lon] of [[53.5, 9.99], [-33.9, 151.2], [0, 0], [84, -179]] as const) {
      expect(latitudeOf(yOf(lat))).toBeCloseTo(lat, 9);
      expect(longitudeOf(xOf(lon))).toBeCloseTo(lon, 9);
    }
    expect(yOf(90)).toBeCloseTo(0, 5);
    expect(yOf(-90)).toBeCloseTo(1, 5);
  });
  it('keeps what is under the pointer where it is', () => {
    const size = { width: 800, height: 500 };
    const view = { x: 0.53, y: 0.33, zoom: 6 };
    const [px, py] = pixelOf(view, size, 0.531, 0.329);
    const next = zoomed(view, size, 1.5, px, py);
    expect(next.zoom).toBe(7.5);
    const [nx, ny] = pixelOf(next, size, 0.531, 0.329);
    expect(nx).toBeCloseTo(px, 6);
    expect(ny).toBeCloseTo(py, 6);
  });
  it('never shows what is beyond the world', () => {
    const view = inside({ x: 0, y: 0, zoom: -3 }, { width: 1024, height: 600 });
    expect(view.zoom).toBe(2);
    expect(view.x).toBe(0.5);
    expect(view.y).toBeCloseTo(300 / 1024);
  });
  it('fits a box, and a single place not nearer than asked', () => {
    const size = { width: 600, height: 400 };
    const box = { left: 0.5, right: 0.54, top: 0.3, bottom: 0.33 };
    const view = fitting(box, size);
    for (const [x, y] of [[box.left, box.top], [box.right, box.bottom]] as const) {
      const [px, py] = pixelOf(view, size, x, y);
      expect(px).toBeGreaterThanOrEqual(0);
      expect(px).toBeLessThanOrEqual(600);
      expect(py).toBeGreaterThanOrEqual(0);
      expect(py).toBeLessThanOrEqual(400);
    }
    expect(fitting({ left: 0.5, right: 0.5, top: 0.3, bottom: 0.3 }, size).zoom).toBe(12);
  });
  it('stands in the address, and refuses nonsense', () => {
    const view = { x: xOf(9.9841), y: yOf(53.5413), zoom: 6.5 };
    const read = readView(writeView(view))!;
    expect(read.x).toBeCloseTo(view.x, 6);
    expect(read.y).toBeCloseTo(view.y, 6);
    for (const bad of [null, '', '1,2', '95,2,3', 'a,b,c', '1,2,99']) expect(readView(bad)).toBeNull();
  });
  it('has a ruler of round metres', () => {
    const { metres, pixels } = ruler({ x: 0.5, y: yOf(53), zoom: 8 }, 100);
    expect(String(metres)).toMatch(/^[125]0*$/);
    expect(pixels).toBeLessThanOrEqual(100);
    expect(pixels).toBeGreaterThan(35);
  });
});

describe('points', () => {
  it('grows, takes each once, and changes by what is pushed', () => {
    const points = new Points();
    const many = Array.from({ length: 3000 }, (_, i) => at(`d${i}`, 50, i / 20));
    points.add(placesOf(many));
    points.add(placesOf(many.slice(0, 5)));
    expect(points.size).toBe(3000);
    const before = points.version;
    expect(points.apply([{ device_id: 'd2999', status: 'OFFLINE' }, { device_id: 'none', status: 'STALE' }])).toBe(true);
    expect(points.status[2999]).toBe(2);
    expect(points.version).toBeGreaterThan(before);
    expect(points.apply([{ device_id: 'd2999', status: 'OFFLINE' }])).toBe(false);
  });
});

describe('clusters', () => {
  const points = made(
    at('a', 53.55, 9.99), at('b', 53.56, 10.0, 'STALE'), at('c', 48.14, 11.58, 'OFFLINE'), at('d', 48.14, 11.58),
  );
  it('counts by status, tells the worst, and loses none', () => {
    const far = clustersAt(points, 2);
    expect(far.reduce((n, c) => n + c.count, 0)).toBe(4);
    expect(Math.max(...far.map(worstOf))).toBe(2);
    const near = clustersAt(points, 14);
    expect(near.map((c) => c.count).sort()).toEqual([1, 1, 2]);
    const heap = near.find((c) => c.count === 2)!;
    expect(heap.by).toEqual([1, 0, 1]);
    expect(heap.right - heap.left).toBe(0);
  });
  it('joins neighbours across the lines of its grid', () => {
    // Either side of the meridian, where every grid has a line, a few hundred metres from each other.
    const across = made(at('w', 0.001, -0.001), at('e', 0.001, 0.001));
    expect(clustersAt(across, 9)).toHaveLength(1);
  });
  it('leaves out what the filter hides, and is made anew only when something changed', () => {
    const clusters = new Clusters();
    const all = clusters.at(points, 3.2, allStatuses);
    expect(clusters.at(points, 3.9, allStatuses)).toBe(all);
    expect(clusters.at(points, 3.9, 1 << 2).reduce((n, c) => n + c.count, 0)).toBe(1);
    points.apply([{ device_id: 'a', status: 'OFFLINE' }]);
    expect(clusters.at(points, 3.9, 1 << 2).reduce((n, c) => n + c.count, 0)).toBe(2);
  });
});

describe('reading', () => {
  it('goes through all pages', async () => {
    const page = (ids: string[], total: number | null, next: string | null) => ({
      ...placesOf(ids.map((id) => at(id, 1, 1))),
      total,
      next,
    });
    const asked: (string | undefined)[] = [];
    const heard: number[] = [];
    const all = await readAll(
      (after) => {
        asked.push(after);
        return Promise.resolve((after ? page(['c'], null, null) : page(['a', 'b'], 4, 'b')) as never);
      },
      (p) => heard.push(p.points.size),
    );
    expect(asked).toEqual([undefined, 'b']);
    expect(heard).toEqual([2, 3]);
    expect([...all.points.ids]).toEqual(['a', 'b', 'c']);
    expect(all.total).toBe(4);
  });
});
