// Rows of a long list by their index: only the pages in view are asked for, so that any place in
// 100,000 devices is one request away.
import { useQueries } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { DeviceFilter } from '@/api/customer';
import type { Device } from '@/api/types';
import { usePolling, useTelemetry } from '@/live/hooks';
import { pageOptions } from './queries';

export const pageSize = 100;

export interface Rows {
  total: number | null;
  at: (index: number) => Device | null;
  error: Error | null;
  loading: boolean;
  refetch: () => void;
}

/** Pages that cover [first, last]; the first page is always among them, for the total. */
export function pagesFor(first: number, last: number): number[] {
  const from = Math.floor(Math.max(0, first) / pageSize);
  const to = Math.floor(Math.max(0, last) / pageSize);
  const out = [0];
  for (let page = Math.max(1, from); page <= to; page += 1) out.push(page);
  return out;
}

export function useRows(filter: DeviceFilter, first: number, last: number): Rows {
  const polling = usePolling();
  const wanted = pagesFor(first, last);
  const results = useQueries({
    queries: wanted.map((page) => ({
      ...pageOptions(filter, pageSize, page * pageSize),
      refetchInterval: polling,
    })),
  });
  const byPage = new Map(wanted.map((page, i) => [page, results[i]!.data]));
  const failed = results.find((r) => r.error && !r.data);
  return {
    total: results[0]!.data?.total ?? null,
    at: (index) => byPage.get(Math.floor(index / pageSize))?.devices[index % pageSize] ?? null,
    error: failed?.error ?? null,
    loading: results[0]!.isPending,
    refetch: () => {
      for (const r of results) void r.refetch();
    },
  };
}

/** Devices with what arrived live for them since; renews at most twice a second. */
export function useLiveDevices(ids: readonly string[]): (device: Device) => Device {
  const news = useRef(new Map<string, { ts: string; metrics: NonNullable<Device['state']> }>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [, renew] = useState(0);
  useTelemetry(ids, (e) => {
    const old = news.current.get(e.device_id);
    if (old && old.ts > e.ts) return;
    news.current.set(e.device_id, { ts: e.ts, metrics: { ...old?.metrics, ...e.metrics } });
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      renew((n) => n + 1);
    }, 500);
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  return (device) => {
    const fresh = news.current.get(device.device_id);
    if (!fresh) return device;
    const newer = !device.last_seen_at || Date.parse(device.last_seen_at) < Date.parse(fresh.ts);
    return {
      ...device,
      state: { ...device.state, ...fresh.metrics },
      last_seen_at: newer ? fresh.ts : device.last_seen_at,
    };
  };
}
