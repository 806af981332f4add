// A device in the list of a phone: two lines and a box to choose it.
import { Link } from 'react-router';
import type { Device } from '@/api/types';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';
import { RowBox, type TableFacts } from './columns';
import { deviceLink, Readings } from './readings';

export function NarrowRow({
  device: d,
  index,
  facts,
}: {
  device: Device | null;
  index: number;
  facts: TableFacts;
}) {
  if (!d) return <div role="cell" className="skeleton m-3 h-4" />;
  return (
    <div className="flex h-full">
      <div role="cell" className="shrink-0">
        <label className="flex h-full w-11 items-center justify-center">
          <RowBox device={d} index={index} facts={facts} />
        </label>
      </div>
      <div role="cell" className="min-w-0 flex-1">
        <Link to={deviceLink(d.device_id)} className="block py-2 pr-3">
          <span className="flex items-baseline justify-between gap-3">
            <span className="truncate font-medium">{d.name ?? d.device_id}</span>
            {d.decommissioned_at ? (
              <span className="whitespace-nowrap text-ink-2">✕ Decommissioned</span>
            ) : (
              <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />
            )}
          </span>
          <span className="flex items-baseline justify-between gap-3 text-12">
            <span className="min-w-0 truncate">
              <Readings state={d.state} units={d.units} />
            </span>
            <span className="text-ink-2">
              <Ago at={d.last_seen_at} />
            </span>
          </span>
        </Link>
      </div>
    </div>
  );
}
