// The newest messages of the fleet, kept outside React: thousands a second cost no rendering by
// themselves.
import type { Metrics } from '@/api/types';
import type { TelemetryEvent } from '@/live/hub';

export interface Row {
  key: number;
  kind: 'stored' | 'refused' | 'gap';
  at: string;
  device: string;
  site: string | null;
  metrics: Metrics;
  seq: number | null;
  /** Why it was refused. */
  reason: string | null;
}

export interface FeedFilter {
  site: string | null;
  /** Part of a device's id or name, in any case. */
  device: string;
}

/** Rows that are kept, so that a filter finds something in what went by. */
const kept = 2000;
/** Seconds whose counts are kept. */
export const secondsKept = 60;

export class Feed {
  private rows: Row[] = []; // oldest first
  private last = 0;
  private counts = new Map<number, number>();
  /** Messages since the feed began. */
  total = 0;
  /** The last refused messages, newest first. */
  refusals: readonly Row[] = [];

  private add(row: Omit<Row, 'key'>): Row {
    this.last += 1;
    const added = { ...row, key: this.last };
    this.rows.push(added);
    // Cut now and then, not with every message.
    if (this.rows.length > kept * 1.25) this.rows = this.rows.slice(-kept);
    return added;
  }

  private counted(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    this.total += 1;
    this.counts.set(second, (this.counts.get(second) ?? 0) + 1);
    for (const old of this.counts.keys()) {
      if (old > second - secondsKept - 2) break;
      this.counts.delete(old);
    }
  }

  stored(e: TelemetryEvent, nowMs: number): void {
    this.counted(nowMs);
    this.add({
      kind: 'stored',
      at: e.ts,
      device: e.device_id,
      site: e.site_id || null,
      metrics: e.metrics,
      seq: e.seq,
      reason: null,
    });
  }

  refused(device: string, reason: string, at: string, nowMs: number): void {
    this.counted(nowMs);
    const row = this.add({ kind: 'refused', at, device, site: null, metrics: {}, seq: null, reason });
    this.refusals = [row, ...this.refusals].slice(0, 8);
  }

  /** The connection was interrupted: what came meanwhile is not here. */
  gap(at: string): void {
    this.add({ kind: 'gap', at, device: '', site: null, metrics: {}, seq: null, reason: null });
  }

  /** Key of the newest row; 0: none yet. */
  get newest(): number {
    return this.last;
  }

  /** Rows that fit, newest first, at most `most`; of those not newer than `upTo` when it is given. */
  shown(
    filter: FeedFilter,
    nameOf: (id: string) => string | undefined,
    most: number,
    upTo: number | null = null,
  ): Row[] {
    const out: Row[] = [];
    for (let i = this.rows.length - 1; i >= 0 && out.length < most; i -= 1) {
      const row = this.rows[i]!;
      if (upTo !== null && row.key > upTo) continue;
      if (row.kind === 'gap' || fits(row.device, row.site, filter, nameOf)) out.push(row);
    }
    return out;
  }

  /** Messages in each of the last whole seconds, oldest first. */
  perSecond(nowMs: number): number[] {
    const second = Math.floor(nowMs / 1000);
    return Array.from({ length: secondsKept }, (_, i) => this.counts.get(second - secondsKept + i) ?? 0);
  }
}

/** Whether a device is within the filter. A refused message names no site: only "all" shows it. */
export function fits(
  device: string,
  site: string | null,
  filter: FeedFilter,
  nameOf: (id: string) => string | undefined,
): boolean {
  if (filter.site !== null && site !== filter.site) return false;
  const word = filter.device.trim().toLowerCase();
  if (word === '') return true;
  return device.toLowerCase().includes(word) || Boolean(nameOf(device)?.toLowerCase().includes(word));
}
