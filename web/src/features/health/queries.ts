import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { instances, type ConnectionEvent } from '@/api/instances';
import { useLines } from '@/lib/use-lines';

export const healthRanges = ['1h', '6h', '24h', '7d', '30d'] as const;
export type HealthRange = (typeof healthRanges)[number];
export const uptimeRanges = ['24h', '7d', '30d'] as const;
export type UptimeRange = (typeof uptimeRanges)[number];

/** Health is told no more often than this (ms): asking as often keeps it fresh. */
const pace = 30_000;

export function useHealth(id: string, range: HealthRange) {
  return useQuery({
    queryKey: ['device-health', id, range],
    queryFn: () => instances.health(id, range),
    placeholderData: keepPreviousData,
    refetchInterval: pace,
  });
}

export function useUptime(id: string, range: UptimeRange) {
  return useQuery({
    queryKey: ['device-uptime', id, range],
    queryFn: () => instances.uptime(id, range),
    refetchInterval: pace,
  });
}

export function useConnections(id: string) {
  return useLines<ConnectionEvent>(
    ['device-connections', id],
    async (offset, signal) => {
      const page = await instances.connections(id, 20, offset, signal);
      return { lines: page.events, total: page.total };
    },
    pace,
  );
}
