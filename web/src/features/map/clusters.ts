// Points that would cover each other on the screen, drawn as one with a count.
import { tile, type Bounds } from './mercator';
import { statuses, type Points } from './points';

/** Pixels within which points become one. */
const reach = 56;

export interface Cluster extends Bounds {
  /** The middle of its members. */
  x: number;
  y: number;
  count: number;
  /** Members by status number. */
  by: number[];
  /** One of the members, for a cluster of one its only one. */
  first: number;
}

/** The worst status among the members, as its number. */
export const worstOf = (c: Cluster): number => c.by.findLastIndex((n) => n > 0);

function join(a: Cluster, b: Cluster): void {
  const count = a.count + b.count;
  a.x = (a.x * a.count + b.x * b.count) / count;
  a.y = (a.y * a.count + b.y * b.count) / count;
  a.count = count;
  b.by.forEach((n, i) => (a.by[i]! += n));
  a.left = Math.min(a.left, b.left);
  a.right = Math.max(a.right, b.right);
  a.top = Math.min(a.top, b.top);
  a.bottom = Math.max(a.bottom, b.bottom);
}

/**
 * The clusters of a whole zoom: a grid first, then neighbours whose middles are too near. They do not depend on
 * the part that is shown, so that panning changes none.
 */
export function clustersAt(
  points: Points,
  zoom: number,
  shows: (status: number) => boolean = () => true,
): Cluster[] {
  const cells = 2 ** zoom * (tile / reach);
  const columns = Math.ceil(cells) + 1;
  const grid = new Map<number, Cluster>();
  for (let i = 0; i < points.size; i += 1) {
    const status = points.status[i]!;
    if (!shows(status)) continue;
    const x = points.x[i]!;
    const y = points.y[i]!;
    const key = Math.floor(y * cells) * columns + Math.floor(x * cells);
    const cell = grid.get(key);
    if (cell) {
      cell.x += (x - cell.x) / (cell.count + 1);
      cell.y += (y - cell.y) / (cell.count + 1);
      cell.count += 1;
      cell.by[status]! += 1;
      if (x < cell.left) cell.left = x;
      if (x > cell.right) cell.right = x;
      if (y < cell.top) cell.top = y;
      if (y > cell.bottom) cell.bottom = y;
    } else {
      const by = statuses.map(() => 0);
      by[status] = 1;
      grid.set(key, { x, y, count: 1, by, first: i, left: x, right: x, top: y, bottom: y });
    }
  }
  const near = (reach * 0.75) / (2 ** zoom * tile);
  const around = [1, columns - 1, columns, columns + 1];
  for (const [key, cell] of grid) {
    for (const step of around) {
      const other = grid.get(key + step);
      if (!other || other === cell) continue;
      if (Math.hypot(other.x - cell.x, other.y - cell.y) >= near) continue;
      join(other, cell);
      grid.delete(key);
      break;
    }
  }
  return [...grid.values()];
}

/** The clusters of the zoom that was asked last, kept until the points or the filter change. */
export class Clusters {
  private made: { points: Points; version: number; zoom: number; mask: number; clusters: Cluster[] } | null =
    null;

  /** `mask`: the shown statuses, a bit each. */
  at(points: Points, zoom: number, mask: number): readonly Cluster[] {
    const whole = Math.floor(zoom);
    const m = this.made;
    if (m && m.points === points && m.version === points.version && m.zoom === whole && m.mask === mask)
      return m.clusters;
    const clusters = clustersAt(points, whole, (s) => (mask & (1 << s)) !== 0);
    this.made = { points, version: points.version, zoom: whole, mask, clusters };
    return clusters;
  }
}

export const allStatuses = (1 << statuses.length) - 1;
