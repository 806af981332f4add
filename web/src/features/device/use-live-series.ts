// History from the server, growing with what arrives live.
import { useEffect, useMemo, useRef, useState } from 'react';
import type { History } from '@/api/types';
import { useTelemetry } from '@/live/hooks';
import { addReading, dropBefore, emptyColumns, toColumns, type Columns } from '@/lib/series';
import { valueIn, type Normalized } from './normalized';
import { bounds, type Range } from './range';

interface Reading {
  metric: string;
  t: number;
  v: number;
  at: number;
}

/** How long (ms) readings are kept to be put again onto a fresh answer that lags behind. */
const lag = 15_000;

export interface LiveSeries {
  columns: Map<string, Columns>;
  version: number;
  from: number;
  to: number;
}

export function useLiveSeries(
  id: string,
  metrics: string[],
  range: Range,
  history: History | undefined,
  normalized: readonly Normalized[],
): LiveSeries {
  const [version, setVersion] = useState(0);
  const [now, setNow] = useState(() => Date.now() / 1000);
  const recent = useRef<Reading[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const bucket = history?.source === 'raw' ? 0 : (history?.bucket_seconds ?? 0);
  const live = range.kind === 'quick';

  const columns = useMemo(() => {
    const out = new Map<string, Columns>();
    for (const series of history?.series ?? []) out.set(series.metric, toColumns(series.points));
    const fresh = Date.now() - lag;
    for (const r of recent.current) {
      const c = out.get(r.metric);
      if (!c || !live || r.at < fresh) continue;
      const last = c.time.at(-1) ?? -Infinity;
      if (bucket === 0 && r.t > last) addReading(c, r.t, r.v, 0);
    }
    return out;
  }, [history, live, bucket]);

  useTelemetry(live ? [id] : [], (e) => {
    const t = Date.parse(e.ts) / 1000;
    if (!Number.isFinite(t)) return;
    const at = Date.now();
    recent.current = recent.current.filter((r) => r.at > at - lag);
    for (const metric of metrics) {
      const v = valueIn(e.metrics, metric, normalized);
      if (v === null) continue;
      recent.current.push({ metric, t, v, at });
      let c = columns.get(metric);
      if (!c) {
        c = emptyColumns();
        columns.set(metric, c);
      }
      addReading(c, t, v, bucket);
      if (range.kind === 'quick') dropBefore(c, at / 1000 - range.seconds * 1.1);
    }
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setNow(Date.now() / 1000);
      setVersion((n) => n + 1);
    }, 200);
  });

  // The window moves on even when nothing arrives, so that silence is seen as silence.
  const seconds = range.kind === 'quick' ? range.seconds : 0;
  useEffect(() => {
    if (seconds === 0) return;
    setNow(Date.now() / 1000);
    const pace = seconds <= 3600 ? 1000 : 10_000;
    const tick = setInterval(() => setNow(Date.now() / 1000), pace);
    return () => clearInterval(tick);
  }, [seconds]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );

  const [from, to] = bounds(range, now);
  return { columns, version, from, to };
}
