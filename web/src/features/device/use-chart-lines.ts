// What is drawn into a device's charts: thresholds of its rules, and the ends of what is expected.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { metricNames, rulesApi } from '@/api/rules';
import { severityWord, thresholdsOn } from '@/features/rules/sentence';
import type { ChartLine } from './chart';

const minute = 60_000;

/** By metric; steady as long as what it is made of is. */
export function useChartLines(device: string, metrics: readonly string[]): ReadonlyMap<string, ChartLine[]> {
  const rules = useQuery({
    queryKey: ['alert-rules', 'of', device],
    queryFn: () => rulesApi.of(device),
    staleTime: minute,
  });
  const mappings = useQuery({
    queryKey: ['metric-names', 'mappings'],
    queryFn: metricNames.mappings,
    staleTime: minute,
  });
  const catalog = useQuery({
    queryKey: ['metric-names', 'catalog'],
    queryFn: metricNames.catalog,
    staleTime: minute,
  });
  const names = metrics.join(',');
  return useMemo(() => {
    const out = new Map<string, ChartLine[]>();
    for (const metric of names.split(',')) {
      const lines: ChartLine[] = thresholdsOn(rules.data ?? [], metric, mappings.data ?? []).map(
        (t) => ({
          value: t.value,
          label: t.label,
          tone: severityWord(t.severity) === 'critical' ? 'critical' : 'warning',
        }),
      );
      const known = catalog.data?.find((c) => c.metric_name === metric);
      if (known?.expected_min != null)
        lines.push({ value: known.expected_min, label: 'usual minimum', tone: 'ink-3' });
      if (known?.expected_max != null)
        lines.push({ value: known.expected_max, label: 'usual maximum', tone: 'ink-3' });
      out.set(metric, lines);
    }
    return out;
  }, [names, rules.data, mappings.data, catalog.data]);
}

/** Units that the tenant's catalogue gives, by metric. */
export function useCatalogUnits(): ReadonlyMap<string, string> {
  const catalog = useQuery({
    queryKey: ['metric-names', 'catalog'],
    queryFn: metricNames.catalog,
    staleTime: minute,
  });
  return useMemo(
    () => new Map((catalog.data ?? []).flatMap((c) => (c.unit ? [[c.metric_name, c.unit]] : []))),
    [catalog.data],
  );
}
