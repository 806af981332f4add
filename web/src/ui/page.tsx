import type { ReactNode } from 'react';
import { cx } from '@/lib/cx';

/** Title line of a page: name, facts beside it, actions at the end. */
export function PageHeader({
  title,
  facts,
  actions,
}: {
  title: ReactNode;
  facts?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="mb-3 flex items-start justify-between gap-x-4">
      <div className="flex min-h-8 min-w-0 flex-1 flex-wrap items-baseline gap-x-3 gap-y-1">
        <h1 className="min-w-0 break-words">{title}</h1>
        {facts && (
          <div className="num flex flex-wrap items-center gap-x-3 gap-y-1 text-ink-2">{facts}</div>
        )}
      </div>
      {actions && <div className="flex shrink-0 flex-wrap justify-end gap-2">{actions}</div>}
    </div>
  );
}

/** A bordered part with a heading line. */
export function Panel({
  title,
  aside,
  children,
  className,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section aria-label={title} className={cx('panel min-w-0', className)}>
      <div className="flex min-h-9 items-center justify-between gap-2 border-b px-3 py-1">
        <h2>{title}</h2>
        {aside && <div className="flex items-center gap-2 text-12 text-ink-3">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

export function Tag({ children }: { children: ReactNode }) {
  return (
    <span className="inline-block max-w-40 truncate rounded-s border border-line-strong px-1.5 text-11 leading-4.5 text-ink-2">
      {children}
    </span>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="rounded-s border border-line-strong bg-surface px-1.5 font-mono text-11 text-ink-2">
      {children}
    </kbd>
  );
}
