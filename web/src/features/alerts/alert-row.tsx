import { Link } from 'react-router';
import type { Alert } from '@/api/alerts';
import { cx } from '@/lib/cx';
import { Ago } from '@/ui/time';
import { Severity, stateOf } from './severity';

/** One alert in a list that leads to the inbox. */
export function AlertLine({ alert: a, showDevice = true }: { alert: Alert; showDevice?: boolean }) {
  return (
    <li className="border-b last:border-b-0">
      <Link
        to={`/alerts?status=${a.status === 'CLOSED' ? 'CLOSED' : 'ACTIVE'}&alert=${a.alert_id}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 px-3 py-1.5 hover:bg-surface-2 md:grid-cols-[7rem_minmax(0,1fr)_7rem_6rem]"
      >
        <Severity of={a.severity} />
        <span className="order-last col-span-2 min-w-0 truncate md:order-none md:col-span-1">
          {showDevice && <span className="text-ink-2">{a.device_name ?? a.device_id} · </span>}
          {a.summary}
        </span>
        <span className="hidden text-ink-2 md:block">{stateOf(a)}</span>
        <span className="text-right text-ink-3">
          <Ago at={a.created_at} />
        </span>
      </Link>
    </li>
  );
}

/** One alert of the inbox: to be opened, and to be selected. */
export function InboxRow({
  alert: a,
  current,
  selected,
  onOpen,
  onSelect,
}: {
  alert: Alert;
  /** Where the keys are. */
  current: boolean;
  selected: boolean;
  onOpen: () => void;
  onSelect: () => void;
}) {
  const state = stateOf(a);
  return (
    <li
      data-alert={a.alert_id}
      className={cx(
        'grid grid-cols-[2.25rem_minmax(0,1fr)] border-b last:border-b-0',
        current ? 'bg-accent-soft' : selected ? 'bg-surface-2' : 'hover:bg-surface-2',
      )}
    >
      <label className="flex items-start justify-center pt-3">
        <input
          type="checkbox"
          className="size-4"
          checked={selected}
          onChange={onSelect}
          aria-label={`Select alert ${a.alert_id}`}
        />
      </label>
      <button
        type="button"
        onClick={onOpen}
        aria-current={current ? 'true' : undefined}
        className="grid min-w-0 grid-cols-[minmax(0,1fr)_auto] gap-x-3 py-2 pr-3 pl-1 text-left focus-visible:-outline-offset-2"
      >
        <span className="flex min-w-0 flex-wrap items-baseline gap-x-3">
          <Severity of={a.severity} />
          <span className="min-w-0 truncate font-medium">{a.device_name ?? a.device_id}</span>
          {state !== 'Open' && <span className="text-12 text-ink-2">{state}</span>}
          {a.trigger_count > 1 && (
            <span className="num text-12 text-ink-2" title="How often it was found">
              ×{a.trigger_count}
            </span>
          )}
        </span>
        <span className="text-12 text-ink-3">
          <Ago at={a.created_at} />
        </span>
        <span className="col-span-2 min-w-0 truncate text-ink-2">{a.summary}</span>
      </button>
    </li>
  );
}
