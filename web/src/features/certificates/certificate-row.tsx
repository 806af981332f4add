import type { ReactNode } from 'react';
import type { Certificate } from '@/api/certificates';
import { utc } from '@/lib/time';
import { CopyValue } from '@/ui/copy';
import { Ago, useNow } from '@/ui/time';
import { endOf, endWords, left, lifeOf, lifeWords, type Life } from './life';

/** Colour, shape and word. */
export function LifeMark({ life }: { life: Life }) {
  const words = lifeWords[life];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${words.tone}`}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className="shrink-0">
        {life === 'good' ? (
          <circle cx="5" cy="5" r="4" fill="currentColor" />
        ) : life === 'replaced' ? (
          <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
        ) : life === 'soon' ? (
          <path d="M5 1 9.2 9H.8Z" fill="currentColor" />
        ) : (
          <rect x="1.2" y="1.2" width="7.6" height="7.6" fill="currentColor" />
        )}
      </svg>
      {words.label}
    </span>
  );
}

/** From its beginning to its end, with what is left of it in colour. */
function Timeline({ certificate: c, now, life }: { certificate: Certificate; now: number; life: Life }) {
  const { from, until } = left(c, now);
  return (
    <div className="mt-1.5 max-w-120">
      <div
        role="img"
        aria-label={`Valid from ${utc(c.not_before)} to ${utc(c.not_after)}; ${endWords(c, now)}`}
        className="h-1.5 overflow-hidden rounded-full bg-surface-2"
      >
        {until > from && (
          <div
            className={`h-full min-w-1 rounded-full ${lifeWords[life].bar}`}
            style={{ marginLeft: `${100 * from}%`, width: `${100 * (until - from)}%` }}
          />
        )}
      </div>
      <div className="num mt-0.5 flex justify-between text-11 text-ink-3">
        <time dateTime={c.not_before}>{c.not_before.slice(0, 10)}</time>
        <time dateTime={c.not_after}>{c.not_after.slice(0, 10)}</time>
      </div>
    </div>
  );
}

export function CertificateRow({
  certificate: c,
  device,
  action,
}: {
  certificate: Certificate;
  /** Whose it is, where that is not clear. */
  device?: ReactNode;
  action?: ReactNode;
}) {
  const now = useNow(endOf(c));
  const life = lifeOf(c, now);
  return (
    <li
      data-certificate={c.id}
      data-life={life}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 border-b px-3 py-2.5 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="flex min-w-0 flex-wrap items-baseline gap-x-3">
          {device}
          <LifeMark life={life} />
          <span className="num text-ink-2">{endWords(c, now)}</span>
        </p>
        <Timeline certificate={c} now={now} life={life} />
        <p className="text-12 break-words text-ink-2">
          {c.issuer} ·{' '}
          {c.last_used_at ? (
            <>
              used <Ago at={c.last_used_at} />
            </>
          ) : (
            'never used'
          )}
        </p>
        <CopyValue text={c.fingerprint_sha256} name="fingerprint" />
      </div>
      {action}
    </li>
  );
}
