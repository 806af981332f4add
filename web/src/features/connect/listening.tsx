import { useState } from 'react';
import { Link } from 'react-router';
import { useSession } from '@/auth/session';
import { explain } from '@/features/device/reasons';
import { describe, withUnit } from '@/lib/numbers';
import { useQuarantineEvents, useTelemetry } from '@/live/hooks';
import type { TelemetryEvent } from '@/live/hub';
import { Ago } from '@/ui/time';

/** What was heard of a device since this stands on the page. */
export function Listening({ device }: { device: string }) {
  const { tenant } = useSession();
  const [first, setFirst] = useState<TelemetryEvent | null>(null);
  const [refused, setRefused] = useState<{ reason: string; ts: string } | null>(null);
  useTelemetry([device], (e) => setFirst(e));
  useQuarantineEvents((rows) => {
    const mine = rows.find((r) => r.device_id === device);
    if (mine) setRefused(mine);
  });
  if (first)
    return (
      <div role="status" className="fresh rounded-m bg-online-soft px-3 py-2">
        <p className="font-medium text-online">
          <span aria-hidden="true">✓ </span>
          {device} has spoken, <Ago at={first.ts} />
        </p>
        <p className="num">
          {Object.entries(first.metrics)
            .slice(0, 8)
            .map(([key, v]) => {
              const d = describe(key);
              return `${d.name} ${withUnit(v, d.unit)}`;
            })
            .join(' · ')}
        </p>
        <Link to={`/devices/${encodeURIComponent(device)}`} className="text-accent underline">
          See it live
        </Link>
      </div>
    );
  return (
    <div role="status" className="flex flex-col gap-1">
      <p className="flex items-center gap-2 text-ink-2">
        <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className="text-online">
          <circle cx="5" cy="5" r="4" fill="currentColor" />
        </svg>
        Listening on {tenant} / {device}
      </p>
      {refused && (
        <p className="text-critical">
          <span aria-hidden="true">▲ </span>A message came and was refused: {refused.reason}.{' '}
          {explain(refused.reason)}
        </p>
      )}
    </div>
  );
}
