// What is drawn into a device's charts: thresholds of its rules, the ends of what is expected, and when
// alerts were open.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { instances } from '@/api/instances';
import { metricNames, rulesApi } from '@/api/rules';
import { useAlerts } from '@/features/alerts/queries';
import { metricsOf } from '@/features/alerts/words';
import { severityWord, thresholdsOn } from '@/features/rules/sentence';
import type { ChartLine } from './chart';
import { useNormalized } from './normalized';

const minute = 60_000;

/** By metric; steady as long as what it is made of is. Asked for once the charts are `ready`. */
export function useChartLines(device: string, metrics: readonly string[], ready: boolean): ReadonlyMap<string, ChartLine[]> {
  const rules = useQuery({
    queryKey: ['alert-rules', 'of', device],
    queryFn: () => rulesApi.of(device),
    staleTime: minute,
    enabled: ready,
  });
  const mappings = useQuery({
    queryKey: ['metric-names', 'mappings'],
    queryFn: metricNames.mappings,
    staleTime: minute,
    enabled: ready,
  });
  const catalog = useQuery({
    queryKey: ['metric-names', 'catalog'],
    queryFn: metricNames.catalog,
    staleTime: minute,
    enabled: ready,
  });
  const bySensor = rules.data?.some((r) => r.sensor_id || r.sensor_type) ?? false;
  const sensors = useQuery({
    queryKey: ['sensors', 'of', device],
    queryFn: ({ signal }) => instances.fleetSensors({ device_id: device }, 500, 0, signal),
    staleTime: minute,
    enabled: ready && bySensor,
  });
  const normalized = useNormalized();
  const names = metrics.join(',');
  return useMemo(() => {
    const out = new Map<string, ChartLine[]>();
    for (const metric of names.split(',')) {
      const lines: ChartLine[] = thresholdsOn(
        rules.data ?? [],
        metric,
        mappings.data ?? [],
        sensors.data?.sensors,
      ).map((t) => ({
        value: t.value,
        label: t.label,
        tone: severityWord(t.severity) === 'critical' ? 'critical' : 'warning',
      }));
      const known = catalog.data?.find((c) => c.metric_name === metric);
      const one = normalized.find((n) => n.name === metric);
      const low = known?.expected_min ?? one?.min;
      const high = known?.expected_max ?? one?.max;
      if (low != null) lines.push({ value: low, label: 'usual minimum', tone: 'ink-3' });
      if (high != null) lines.push({ value: high, label: 'usual maximum', tone: 'ink-3' });
      out.set(metric, lines);
    }
    return out;
  }, [names, rules.data, mappings.data, catalog.data, sensors.data, normalized]);
}

/** Units that the tenant's catalogue gives, by metric. */
export function useCatalogUnits(ready: boolean): ReadonlyMap<string, string> {
  const catalog = useQuery({
    queryKey: ['metric-names', 'catalog'],
    queryFn: metricNames.catalog,
    staleTime: minute,
    enabled: ready,
  });
  return useMemo(
    () => new Map((catalog.data ?? []).flatMap((c) => (c.unit ? [[c.metric_name, c.unit]] : []))),
    [catalog.data],
  );
}

/** When alerts of a device were open, as times in seconds, by the metric that they name. */
export function useChartShades(device: string, ready: boolean): ReadonlyMap<string, [number, number][]> {
  const active = useAlerts({ device_id: device, status: 'ACTIVE' }, 50, ready);
  const closed = useAlerts({ device_id: device, status: 'CLOSED' }, 50, ready);
  const mappings = useQuery({
    queryKey: ['metric-names', 'mappings'],
    queryFn: metricNames.mappings,
    staleTime: minute,
    enabled: ready,
  });
  return useMemo(() => {
    const out = new Map<string, [number, number][]>();
    const now = Date.now() / 1000;
    for (const alert of [...(active.data?.alerts ?? []), ...(closed.data?.alerts ?? [])]) {
      const named = metricsOf(alert);
      // And of those that they become, or that become them.
      const near = (mappings.data ?? []).flatMap((m) =>
        named.includes(m.normalized_name) ? m.raw_metric : named.includes(m.raw_metric) ? m.normalized_name : [],
      );
      for (const name of new Set([...named, ...near]))
        out.set(name, [
          ...(out.get(name) ?? []),
          [
            Date.parse(alert.created_at) / 1000,
            alert.closed_at ? Date.parse(alert.closed_at) / 1000 : now,
          ],
        ]);
    }
    return out;
  }, [active.data, closed.data, mappings.data]);
}
