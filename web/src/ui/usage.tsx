// How much of a limit is used: a bar, the numbers, and a word before it bites.
import { cx } from '@/lib/cx';
import { count } from '@/lib/numbers';

/** How much of a limit is used: a word beside the colour when it is near or over. */
export function usageOf(used: number, limit: number): { share: number; word: string; tone: string } {
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  if (used > limit) return { share: 1, word: 'over the limit', tone: 'critical' };
  if (used === limit) return { share, word: 'none left', tone: 'warning' };
  if (share >= 0.8) return { share, word: `${count(limit - used)} left`, tone: 'warning' };
  return { share, word: '', tone: 'accent' };
}

const bars: Record<string, string> = {
  accent: 'bg-accent',
  warning: 'bg-warning',
  critical: 'bg-critical',
};
const words: Record<string, string> = {
  accent: 'text-ink-2',
  warning: 'text-warning',
  critical: 'text-critical',
};

/** The bar alone. */
export function UsageBar({
  label,
  used,
  limit,
  className,
}: {
  label: string;
  used: number;
  limit: number;
  className?: string;
}) {
  const u = usageOf(used, limit);
  return (
    <span
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuenow={Math.min(used, limit)}
      aria-valuemax={limit}
      aria-valuetext={`${used} of ${limit}`}
      className={cx('block h-1.5 overflow-hidden rounded-full bg-surface-2', className)}
    >
      <span className={`block h-full ${bars[u.tone]}`} style={{ width: `${100 * u.share}%` }} />
    </span>
  );
}

/** A limit in a list: its name, a bar where it is known how much is used, and the numbers. */
export function UsageRow({
  name,
  label,
  used,
  limit,
}: {
  name: string;
  label: string;
  used: number | null | undefined;
  limit: number;
}) {
  const known = typeof used === 'number';
  const u = known ? usageOf(used, limit) : null;
  return (
    <li
      data-limit={name}
      className="grid min-h-8 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-1.5 last:border-b-0 sm:grid-cols-[11rem_minmax(0,1fr)_10rem]"
    >
      <span>{label}</span>
      {known ? (
        <UsageBar
          label={label}
          used={used}
          limit={limit}
          className="max-sm:col-span-2 max-sm:row-start-2"
        />
      ) : (
        <span className="max-sm:hidden" />
      )}
      <span className={`num text-right ${u ? words[u.tone] : 'text-ink-2'}`}>
        {known ? `${count(used)} of ${count(limit)}` : `up to ${count(limit)}`}
        {u?.word && <span className="block text-12">{u.word}</span>}
      </span>
    </li>
  );
}
