// Lines of a log that open: the newest first, more on demand.
import { useState, type ReactNode } from 'react';
import type { LineSource } from '@/lib/use-lines';
import { DownIcon } from './icons';
import { ShowMore } from './show-more';
import { Failure, SkeletonRows } from './states';

export function LogList<T>({
  source,
  what,
  keyOf,
  line,
  detail,
  empty,
  rows = 8,
}: {
  source: LineSource<T>;
  /** What it is called where it fails: "The audit log". */
  what: string;
  keyOf: (line: T) => string;
  line: (line: T) => ReactNode;
  detail: (line: T) => ReactNode;
  empty: ReactNode;
  rows?: number;
}) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (key: string) =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  if (source.error && source.lines.length === 0)
    return <Failure error={source.error} what={what} retry={source.retry} />;
  if (source.pending) return <SkeletonRows rows={rows} label={`Loading ${what.toLowerCase()}`} />;
  if (source.lines.length === 0) return <>{empty}</>;
  return (
    <>
      <ul>
        {source.lines.map((item) => {
          const key = keyOf(item);
          const shown = open.has(key);
          return (
            <li key={key} data-line={key} className="border-b last:border-b-0">
              <button
                type="button"
                aria-expanded={shown}
                onClick={() => toggle(key)}
                className="flex min-h-9 w-full items-start gap-2 px-3 py-1.5 text-left hover:bg-surface-2 focus-visible:-outline-offset-2"
              >
                <span
                  className={`mt-0.5 text-ink-3 ${shown ? '' : '-rotate-90'}`}
                  aria-hidden="true"
                >
                  <DownIcon size={14} />
                </span>
                <span className="min-w-0 flex-1">{line(item)}</span>
              </button>
              {shown && <div className="border-t bg-surface-2 px-3 py-3 sm:pl-9">{detail(item)}</div>}
            </li>
          );
        })}
      </ul>
      <ShowMore source={source} />
    </>
  );
}
