// Severity and state of an alert: a colour, a shape and a word together.
import type { Alert } from '@/api/alerts';
import { cx } from '@/lib/cx';

export const severityWord = (n: number) => (n >= 5 ? 'Critical' : n >= 3 ? 'Warning' : 'Info');
const colour = (n: number) => (n >= 5 ? 'text-critical' : n >= 3 ? 'text-warning' : 'text-info');

/** Triangle, diamond or circle, filled: critical, warning, info. */
export function Severity({ of: n, short }: { of: number; short?: boolean }) {
  return (
    <span className={cx('inline-flex items-center gap-1.5 whitespace-nowrap', colour(n))}>
      <svg width="11" height="11" viewBox="0 0 11 11" aria-hidden="true" className="shrink-0">
        {n >= 5 && <path d="M5.5 0.8 10.6 10.2H0.4Z" fill="currentColor" />}
        {n >= 3 && n < 5 && <path d="M5.5 0.5 10.5 5.5 5.5 10.5 0.5 5.5Z" fill="currentColor" />}
        {n < 3 && <circle cx="5.5" cy="5.5" r="4.5" fill="currentColor" />}
      </svg>
      <span className={short ? 'sr-only md:not-sr-only' : undefined}>
        {severityWord(n)} <span className="num">{n}</span>
      </span>
    </span>
  );
}

/** In one word or two how an alert stands. */
export function stateOf(a: Pick<Alert, 'status' | 'silenced_until'>, now = Date.now()): string {
  if (a.status === 'CLOSED') return 'Closed';
  if (a.silenced_until && Date.parse(a.silenced_until) > now) return 'Silenced';
  return a.status === 'OPEN' ? 'Open' : 'Acknowledged';
}
