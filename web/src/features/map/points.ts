// Places with a status in flat arrays: 100,000 of them are looked through in a frame.
import type { Status } from '@/api/types';
import { xOf, yOf, type Bounds } from './mercator';

/** Statuses by their number, the worst last. */
export const statuses: readonly Status[] = ['ONLINE', 'STALE', 'OFFLINE'];

/** What the server tells of those that have a place: the same index belongs to one device. */
export interface Places {
  device_ids: readonly string[];
  names: readonly (string | null)[];
  latitudes: readonly number[];
  longitudes: readonly number[];
  /** Numbers of `statuses`. */
  statuses: readonly number[];
}

export class Points {
  x = new Float64Array(1024);
  y = new Float64Array(1024);
  status = new Uint8Array(1024);
  readonly ids: string[] = [];
  readonly names: string[] = [];
  private readonly places = new Map<string, number>();
  /** Raised with each change, so that what was made of the points knows that it is old. */
  version = 0;

  get size(): number {
    return this.ids.length;
  }

  add(places: Places): void {
    places.device_ids.forEach((id, n) => {
      if (this.places.has(id)) return;
      const i = this.ids.length;
      if (i === this.x.length) this.grow();
      this.x[i] = xOf(places.longitudes[n]!);
      this.y[i] = yOf(places.latitudes[n]!);
      this.status[i] = places.statuses[n]!;
      this.places.set(id, i);
      this.ids.push(id);
      this.names.push(places.names[n] || id);
    });
    this.version += 1;
  }

  /** Puts new statuses in; answers whether anything on the map changed. */
  apply(events: readonly { device_id: string; status: Status }[]): boolean {
    let changed = false;
    for (const e of events) {
      const i = this.places.get(e.device_id);
      const next = statuses.indexOf(e.status);
      if (i === undefined || this.status[i] === next) continue;
      this.status[i] = next;
      changed = true;
    }
    if (changed) this.version += 1;
    return changed;
  }

  indexOf(id: string): number | undefined {
    return this.places.get(id);
  }

  /** The box around all of them; null without any. */
  bounds(): Bounds | null {
    if (this.size === 0) return null;
    const b: Bounds = { left: 1, right: 0, top: 1, bottom: 0 };
    for (let i = 0; i < this.size; i += 1) {
      const x = this.x[i]!;
      const y = this.y[i]!;
      if (x < b.left) b.left = x;
      if (x > b.right) b.right = x;
      if (y < b.top) b.top = y;
      if (y > b.bottom) b.bottom = y;
    }
    return b;
  }

  private grow(): void {
    const larger = <T extends Float64Array | Uint8Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const n = 2 * this.x.length;
    this.x = larger(this.x, new Float64Array(n));
    this.y = larger(this.y, new Float64Array(n));
    this.status = larger(this.status, new Uint8Array(n));
  }
}
