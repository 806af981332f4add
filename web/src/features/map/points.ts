// Places with a status in flat arrays: 100,000 of them are looked through in a frame.
import type { Metrics, Status } from '@/api/types';
import { isPlace, xOf, yOf, type Bounds } from './mercator';

/** Statuses by their number, the worst last. */
export const statuses: readonly Status[] = ['ONLINE', 'STALE', 'OFFLINE'];

/** What of a device is drawn. */
export interface Located {
  device_id: string;
  name?: string | null;
  status: Status;
  latitude?: number | null;
  longitude?: number | null;
  state?: Metrics | null;
}

/** Where a device is: as it was registered, else as it says itself. */
export function placeOf(d: Located): [number, number] | null {
  if (isPlace(d.latitude, d.longitude)) return [d.latitude!, d.longitude!];
  const s = d.state;
  const latitude = s?.latitude ?? s?.lat;
  const longitude = s?.longitude ?? s?.lon ?? s?.lng;
  return isPlace(latitude, longitude) ? [latitude as number, longitude as number] : null;
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

  /** Adds those that have a place. */
  add(devices: readonly Located[]): void {
    for (const d of devices) {
      const at = placeOf(d);
      if (!at || this.places.has(d.device_id)) continue;
      const i = this.ids.length;
      if (i === this.x.length) this.grow();
      this.x[i] = xOf(at[1]);
      this.y[i] = yOf(at[0]);
      this.status[i] = statuses.indexOf(d.status);
      this.places.set(d.device_id, i);
      this.ids.push(d.device_id);
      this.names.push(d.name || d.device_id);
    }
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
