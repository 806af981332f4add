import { Link } from 'react-router';
import { cx } from '@/lib/cx';
import { momentWords } from './zoned';
import { useEveryCurrent } from './queries';

/** Who is on call, in the header of every page; nothing without a schedule. */
export default function NowOnCall() {
  const current = useEveryCurrent();
  const [first, ...others] = current.data ?? [];
  if (!first) return null;
  const who = first.responder || 'nobody';
  const all = [first, ...others]
    .map(
      (c) =>
        `${c.name}: ${c.responder || 'nobody'} until ${momentWords(Date.parse(c.until), c.timezone)} (${c.timezone})`,
    )
    .join('\n');
  return (
    <Link
      to="/oncall"
      title={all}
      className="flex h-7 max-w-44 min-w-0 items-center gap-1.5 rounded-m border px-2 text-12 text-ink-2 hover:bg-surface-2 hover:text-ink"
    >
      <svg width="12" height="12" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true" className={cx('shrink-0', !first.responder && 'text-critical')}>
        <circle cx="8" cy="5" r="3" />
        <path d="M2.5 14c.6-3 2.8-4.5 5.5-4.5s4.9 1.5 5.5 4.5" />
      </svg>
      <span className="sr-only">On call: </span>
      <span className={cx('truncate max-sm:sr-only', !first.responder && 'text-critical')}>{who}</span>
      {others.length > 0 && (
        <span className="num max-sm:sr-only">
          +{others.length}
          <span className="sr-only"> more</span>
        </span>
      )}
    </Link>
  );
}
