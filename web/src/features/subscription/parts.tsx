import { subscriptionStates } from '@/api/people';
import { count } from '@/lib/numbers';
import { utc } from '@/lib/time';
import { useNow } from '@/ui/time';
import { endWords, stateOf, states } from './states';

/** A state by colour, shape and word; what it means on hover. */
export function StateMark({ status }: { status: string }) {
  const s = stateOf(status);
  const over = status === 'EXPIRED' || status === 'CANCELLED';
  const late = status === 'GRACE' || status === 'SUSPENDED';
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${s.tone}`} title={s.why}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className="shrink-0">
        {late ? (
          <path d="M5 1 9.2 9H.8Z" fill="currentColor" />
        ) : over ? (
          <rect x="1.2" y="1.2" width="7.6" height="7.6" fill="currentColor" />
        ) : status === 'TRIAL' ? (
          <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
        ) : (
          <circle cx="5" cy="5" r="4" fill="currentColor" />
        )}
      </svg>
      {s.label}
    </span>
  );
}

/** When it ends, in days that tick; the exact moment on hover. */
export function Ends({ at }: { at: string | null | undefined }) {
  const ms = at ? Date.parse(at) : NaN;
  const now = useNow(Number.isNaN(ms) ? null : ms);
  const words = endWords(at, now);
  if (!at || !words) return <span className="text-ink-3">no end</span>;
  return (
    <time dateTime={at} title={utc(at)} className="num whitespace-nowrap">
      {words}
    </time>
  );
}

/** How the subscriptions that are not over divide into states: one bar, and its legend. */
export function StateBar({ numbers }: { numbers: Record<string, unknown> }) {
  const parts = subscriptionStates
    .filter((s) => s !== 'EXPIRED' && s !== 'CANCELLED')
    .map((s) => ({ status: s, n: Number(numbers[s] ?? 0) }))
    .filter((p) => p.n > 0);
  const total = parts.reduce((sum, p) => sum + p.n, 0);
  if (total === 0) return null;
  const words = parts.map((p) => `${count(p.n)} ${states[p.status].label.toLowerCase()}`).join(', ');
  return (
    <div className="mb-3">
      <div
        role="img"
        aria-label={words}
        title={words}
        className="mb-1.5 flex h-2 gap-px overflow-hidden rounded-full bg-surface-2"
      >
        {parts.map((p) => (
          <div
            key={p.status}
            className={states[p.status].bar}
            style={{ width: `${(100 * p.n) / total}%` }}
          />
        ))}
      </div>
      <ul className="flex flex-wrap gap-x-4 gap-y-1" aria-label="By state">
        {parts.map((p) => (
          <li key={p.status} className="flex items-baseline gap-1.5">
            <StateMark status={p.status} />
            <span className="num text-ink-2">{count(p.n)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
