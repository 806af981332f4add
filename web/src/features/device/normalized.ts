// Normalized metrics of a device: one name and one unit for what devices send under many, chosen
// and drawn beside what they send.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { metricNames } from '@/api/rules';
import type { MetricFacts } from './metric-facts';

const minute = 60_000;

export interface Normalized {
  name: string;
  unit: string | null;
  min: number | null;
  max: number | null;
  /** In the order in which they count: the first that a message has is its value. */
  sources: { raw: string; multiplier: number; offset: number }[];
}

interface Named {
  normalized_name: string;
  display_unit?: string | null;
  expected_min?: number | null;
  expected_max?: number | null;
}
interface Mapping {
  raw_metric: string;
  normalized_name: string;
  multiplier: number;
  offset_value: number;
}

/** By the characters' codes, as the server orders names. */
const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** What is mapped at all, with the order of the server. */
export function normalizedOf(named: readonly Named[], mappings: readonly Mapping[]): Normalized[] {
  return named
    .map((n) => ({
      name: n.normalized_name,
      unit: n.display_unit ?? null,
      min: n.expected_min ?? null,
      max: n.expected_max ?? null,
      sources: mappings
        .filter((m) => m.normalized_name === n.normalized_name && m.raw_metric !== m.normalized_name)
        .map((m) => ({ raw: m.raw_metric, multiplier: m.multiplier, offset: m.offset_value }))
        // What is sent by the very name is one of them.
        .concat({ raw: n.normalized_name, multiplier: 1, offset: 0 })
        .sort((a, b) => byName(a.raw, b.raw)),
    }))
    .filter((n) => n.sources.length > 1)
    .sort((a, b) => byName(a.name, b.name));
}

export function asNumber(v: unknown): number | null {
  if (typeof v === 'number' && Number.isFinite(v)) return v;
  if (typeof v === 'boolean') return v ? 1 : 0;
  return null;
}

/** A metric's value in a message, by the name that is sent or a normalized one; null: it has none. */
export function valueIn(
  message: Record<string, unknown>,
  name: string,
  normalized: readonly Normalized[],
): number | null {
  const sources = normalized.find((n) => n.name === name)?.sources;
  if (!sources) return asNumber(message[name]);
  for (const source of sources) {
    const raw = asNumber(message[source.raw]);
    if (raw !== null) return asNumber(raw * source.multiplier + source.offset);
  }
  return null;
}

/** `facts` and the normalized metrics that the device has values for. */
export function withNormalized(facts: MetricFacts[], normalized: readonly Normalized[]): MetricFacts[] {
  const latest = Object.fromEntries(facts.map((f) => [f.key, f.value]));
  const more = normalized.flatMap((n): MetricFacts[] => {
    if (n.name in latest) return [];
    const from = n.sources.filter((s) => s.raw in latest).map((s) => s.raw);
    if (from.length === 0) return [];
    return [
      {
        key: n.name,
        name: n.name,
        unit: n.unit,
        digits: 2,
        value: valueIn(latest, n.name, normalized),
        charted: true,
        from: from.join(', '),
      },
    ];
  });
  return [...facts, ...more];
}

const none: readonly Normalized[] = [];

/** The tenant's; steady as long as they are. */
export function useNormalized(): readonly Normalized[] {
  const named = useQuery({
    queryKey: ['metric-names', 'normalized'],
    queryFn: metricNames.normalized,
    staleTime: minute,
  });
  const mappings = useQuery({
    queryKey: ['metric-names', 'mappings'],
    queryFn: metricNames.mappings,
    staleTime: minute,
  });
  return useMemo(
    () => (named.data && mappings.data ? normalizedOf(named.data, mappings.data) : none),
    [named.data, mappings.data],
  );
}
