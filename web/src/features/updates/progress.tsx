// How many devices stand where: a bar in parts, and the words to it.
import { count } from '@/lib/numbers';
import { cx } from '@/lib/cx';

export interface Share {
  name: string;
  label: string;
  /** Utility class of the bar's part. */
  bar: string;
  text: string;
}

/** Of a campaign's devices, in the order of their way. */
export const deviceStates: Share[] = [
  { name: 'SUCCESS', label: 'Updated', bar: 'bg-online', text: 'text-online' },
  { name: 'INSTALLING', label: 'Installing', bar: 'bg-info', text: 'text-info' },
  { name: 'DOWNLOADING', label: 'Downloading', bar: 'bg-info/60', text: 'text-info' },
  { name: 'FAILED', label: 'Failed', bar: 'bg-critical', text: 'text-critical' },
  { name: 'SKIPPED', label: 'Skipped', bar: 'bg-ink-3', text: 'text-ink-2' },
  { name: 'PENDING', label: 'Waiting', bar: 'bg-transparent', text: 'text-ink-2' },
];

/** Of a job's executions. */
export const executionStates: Share[] = [
  { name: 'SUCCEEDED', label: 'Succeeded', bar: 'bg-online', text: 'text-online' },
  { name: 'IN_PROGRESS', label: 'In progress', bar: 'bg-info', text: 'text-info' },
  { name: 'FAILED', label: 'Failed', bar: 'bg-critical', text: 'text-critical' },
  { name: 'TIMED_OUT', label: 'Timed out', bar: 'bg-warning', text: 'text-warning' },
  { name: 'REJECTED', label: 'Rejected', bar: 'bg-ink-3', text: 'text-ink-2' },
  { name: 'QUEUED', label: 'Waiting', bar: 'bg-transparent', text: 'text-ink-2' },
];

/** The parts side by side; said in words for who can't see them. */
export function ProgressBar({
  states,
  counts,
  total,
  thin,
}: {
  states: Share[];
  counts: Record<string, number>;
  total: number;
  thin?: boolean;
}) {
  const words = states
    .filter((s) => (counts[s.name] ?? 0) > 0)
    .map((s) => `${count(counts[s.name] ?? 0)} ${s.label.toLowerCase()}`)
    .join(', ');
  return (
    <div
      role="img"
      aria-label={words === '' ? 'Nothing yet' : words}
      className={cx(
        'flex w-full overflow-hidden rounded-s border border-line-strong bg-surface-2',
        thin ? 'h-2' : 'h-3',
      )}
    >
      {total > 0 &&
        states.map((s) => (
          <span
            key={s.name}
            style={{ width: `${(100 * (counts[s.name] ?? 0)) / total}%` }}
            className={cx('transition-[width] duration-300', s.bar)}
          />
        ))}
    </div>
  );
}

/** The counts as buttons that narrow the table below. */
export function StateFilter({
  states,
  counts,
  chosen,
  onChoose,
}: {
  states: Share[];
  counts: Record<string, number>;
  chosen: string | null;
  onChoose: (name: string | null) => void;
}) {
  return (
    <div role="group" aria-label="Devices by state" className="flex flex-wrap gap-1.5">
      {states.map((s) => (
        <button
          key={s.name}
          type="button"
          aria-pressed={chosen === s.name}
          onClick={() => onChoose(chosen === s.name ? null : s.name)}
          className={cx(
            'inline-flex items-center gap-1.5 rounded-m border px-2 py-1 text-12',
            chosen === s.name ? 'border-accent bg-accent-soft' : 'border-line-strong bg-surface hover:bg-surface-2',
          )}
        >
          <span
            aria-hidden="true"
            className={cx('size-2 rounded-s border border-line-strong', s.bar)}
          />
          {s.label}
          <span className="num font-medium">{count(counts[s.name] ?? 0)}</span>
        </button>
      ))}
    </div>
  );
}

const words: Record<string, [string, string]> = {
  CREATED: ['Not started', 'text-ink-2'],
  RUNNING: ['Running', 'text-info'],
  PAUSED: ['Paused', 'text-warning'],
  COMPLETED: ['Completed', 'text-online'],
  ABORTED: ['Aborted', 'text-critical'],
  IN_PROGRESS: ['In progress', 'text-info'],
  CANCELED: ['Canceled', 'text-ink-2'],
};

/** A campaign's or job's state. */
export function RunState({ status }: { status: string }) {
  const [label, colour] = words[status] ?? [status, 'text-ink-2'];
  return <span className={cx('font-medium whitespace-nowrap', colour)}>{label}</span>;
}

/** A device's state in a campaign or job. */
export function StateWord({ states, status }: { states: Share[]; status: string }) {
  const state = states.find((s) => s.name === status);
  return <span className={state?.text}>{state?.label ?? status}</span>;
}
