// The cached device, kept up to date by its own messages.
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { Device, MetricInfo } from '@/api/types';
import { useSubscribed, useTelemetry } from '@/live/hooks';
import type { TelemetryEvent } from '@/live/hub';

const later = (a: string | null | undefined, b: string) =>
  a && Date.parse(a) > Date.parse(b) ? a : b;

/** A device with a message's values put in; an older message never overwrites newer values. */
export function withMessage(d: Device, e: Pick<TelemetryEvent, 'ts' | 'metrics'>): Device {
  const old = d.last_telemetry_at ? Date.parse(d.last_telemetry_at) > Date.parse(e.ts) : false;
  return {
    ...d,
    state: old ? { ...e.metrics, ...d.state } : { ...d.state, ...e.metrics },
    last_seen_at: later(d.last_seen_at, e.ts),
    last_telemetry_at: later(d.last_telemetry_at, e.ts),
  };
}

function apply(queries: QueryClient, id: string, events: TelemetryEvent[]): void {
  queries.setQueryData<Device>(['device', id], (d) => (d ? events.reduce(withMessage, d) : d));
  const known = queries.getQueryData<MetricInfo[]>(['metrics', id]);
  const fresh = events.some((e) =>
    Object.keys(e.metrics).some((key) => !known?.some((m) => m.metric_key === key)),
  );
  // A metric that nobody has seen yet: the server has described it by now.
  if (known && fresh) void queries.invalidateQueries({ queryKey: ['metrics', id] });
}

/** Puts the device's messages into the cache, at most four times a second. */
export function useLiveDevice(id: string): void {
  const queries = useQueryClient();
  const waiting = useRef<TelemetryEvent[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useTelemetry([id], (e) => {
    waiting.current.push(e);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      apply(queries, id, waiting.current.splice(0));
    }, 250);
  });
  useSubscribed(id, () => void queries.invalidateQueries({ queryKey: ['device', id] }));
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
