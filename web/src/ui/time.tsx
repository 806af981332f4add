// Relative times that tick, with the exact moment on hover. One timer serves all of a pace.
import { useEffect, useSyncExternalStore } from 'react';
import { ago, tickEvery, utc } from '@/lib/time';

type Pace = 1000 | 10_000 | 60_000;
const clocks = new Map<number, { listeners: Set<() => void>; now: number; timer?: number }>();

function clockOf(pace: number) {
  let clock = clocks.get(pace);
  if (!clock) {
    clock = { listeners: new Set(), now: Date.now() };
    clocks.set(pace, clock);
  }
  return clock;
}

function subscribe(pace: number, listener: () => void): () => void {
  const clock = clockOf(pace);
  clock.listeners.add(listener);
  if (clock.timer === undefined) {
    clock.now = Date.now();
    clock.timer = window.setInterval(() => {
      clock.now = Date.now();
      for (const l of clock.listeners) l();
    }, pace);
  }
  return () => {
    clock.listeners.delete(listener);
    if (clock.listeners.size === 0 && clock.timer !== undefined) {
      clearInterval(clock.timer);
      clock.timer = undefined;
    }
  };
}

const still = () => () => {};

/** The present (ms), renewed as often as words about `since` change; null: never renewed. */
export function useNow(since: number | null): number {
  const pace = since === null ? null : (tickEvery(Math.abs(Date.now() - since)) as Pace);
  const now = useSyncExternalStore(
    pace === null ? still : subscribers[pace],
    pace === null ? zero : snapshots[pace],
  );
  // The clock may not have ticked since the moment was; one that is still to come is no floor.
  return pace === null ? Date.now() : since !== null && since <= Date.now() ? Math.max(now, since) : now;
}
const zero = () => 0;
const subscribers: Record<Pace, (l: () => void) => () => void> = {
  1000: (l) => subscribe(1000, l),
  10000: (l) => subscribe(10_000, l),
  60000: (l) => subscribe(60_000, l),
};
const snapshots: Record<Pace, () => number> = {
  1000: () => clockOf(1000).now,
  10000: () => clockOf(10_000).now,
  60000: () => clockOf(60_000).now,
};

/** "3 s ago", ticking; "never" without a time. */
export function Ago({ at, never = 'never' }: { at: string | null | undefined; never?: string }) {
  const ms = at ? Date.parse(at) : NaN;
  const now = useNow(Number.isNaN(ms) ? null : ms);
  if (!at || Number.isNaN(ms)) return <span className="text-ink-3">{never}</span>;
  return (
    <time dateTime={at} title={utc(at)} className="num whitespace-nowrap">
      {ago(at, now)}
    </time>
  );
}

/** Sets the window's title while the page is open. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Pulse`;
  }, [title]);
}
