import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { FleetSummary } from '@/api/types';
import { useSession } from '@/auth/session';
import { hub, type AlertEvent, type ChangeEvent, type QuarantineEvent, type StatusEvent, type TelemetryEvent } from './hub';
import type { LiveState } from './socket';

const onState = (callback: () => void) => hub.on('state', callback);

/** State of the live connection. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(onState, () => hub.state);
}

/** Polling interval (ms) for queries: the server's choice, and none while the connection is live. */
export function usePolling(): number | false {
  const { refreshMs } = useSession();
  return useLiveState() === 'live' ? false : refreshMs;
}

/** Keeps the stream open, and asks every shown query anew after a break. */
export function useLiveConnection(): void {
  const queries = useQueryClient();
  useEffect(() => {
    const off = hub.on('caughtUp', () => void queries.invalidateQueries({ refetchType: 'active' }));
    const stop = hub.start();
    return () => {
      off();
      stop();
    };
  }, [queries]);
}

function useLatest<T>(value: T) {
  const ref = useRef(value);
  useEffect(() => {
    ref.current = value;
  });
  return ref;
}

/** Calls back with each message of these devices. */
export function useTelemetry(ids: readonly string[], callback: (e: TelemetryEvent) => void): void {
  const latest = useLatest(callback);
  const key = ids.join('\n');
  useEffect(() => {
    if (key === '') return;
    const mine = key.split('\n');
    const set = new Set(mine);
    const release = hub.want(mine);
    const off = hub.on('telemetry', (e) => {
      if (set.has(e.device_id)) latest.current(e);
    });
    return () => {
      off();
      release();
    };
  }, [key, latest]);
}

/**
 * Calls back when the server has begun to send this device's messages: what came between the
 * first query and this moment is only to be had by asking again.
 */
export function useSubscribed(id: string, callback: () => void): void {
  const latest = useLatest(callback);
  useEffect(
    () =>
      hub.on('subscribed', (ids) => {
        if (ids.has(id)) latest.current();
      }),
    [id, latest],
  );
}

/** Calls back with each batch of status changes in the tenant. */
export function useStatusEvents(callback: (events: StatusEvent[]) => void): void {
  const latest = useLatest(callback);
  useEffect(() => hub.on('status', (e) => latest.current(e)), [latest]);
}

/** Calls back with each batch of refused messages in the tenant. */
export function useQuarantineEvents(callback: (events: QuarantineEvent[]) => void): void {
  const latest = useLatest(callback);
  useEffect(() => hub.on('quarantine', (e) => latest.current(e)), [latest]);
}

/** Calls back when something of the tenant was written, here or anywhere. */
export function useChangeEvents(callback: (event: ChangeEvent) => void): void {
  const latest = useLatest(callback);
  useEffect(() => hub.on('changed', (e) => latest.current(e)), [latest]);
}

/** Calls back with each transition of an alert of the tenant. */
export function useAlertEvents(callback: (event: AlertEvent) => void): void {
  const latest = useLatest(callback);
  useEffect(() => hub.on('alert', (e) => latest.current(e)), [latest]);
}

/** The last pushed fleet summary, or null before the first. */
export function useLiveSummary(): FleetSummary | null {
  const [summary, setSummary] = useState<FleetSummary | null>(null);
  useEffect(() => {
    const off = hub.on('summary', setSummary);
    const release = hub.wantSummary();
    return () => {
      off();
      release();
    };
  }, []);
  return summary;
}
