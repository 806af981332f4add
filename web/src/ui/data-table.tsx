// A virtualised table for lists that are wholly here: sorted by its columns, walked by keys, and a list
// of links on a phone.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { cx } from '@/lib/cx';
import { compareBy, nextOrder, type Sortable } from '@/lib/order';
import { useKeys } from '@/lib/use-keys';
import { phone, useMedia } from '@/lib/use-media';
import { SortDownIcon, SortUpIcon } from './icons';

export interface Column<T> {
  id: string;
  label: string;
  /** Width in pixels, the least of it where it grows. */
  width: number;
  grows?: number;
  /** Numbers stand at the end of their column. */
  end?: boolean;
  cell: (row: T) => ReactNode;
  /** What the column is sorted by, and what stands in an export; without it neither. */
  by?: (row: T) => Sortable;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string;
  /** Where a row leads. */
  to: (row: T) => string;
  /** `name`, `-name`, or null for the order as it came. */
  sort: string | null;
  onSort: (sort: string | null) => void;
  /** A row on a phone: two lines. */
  narrow: (row: T) => ReactNode;
  className?: string;
}

const rowHeight = 38;
const narrowHeight = 60;

/** Rows in the order of one of the columns. */
export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sort: string | null): T[] {
  const down = sort?.startsWith('-') ?? false;
  const by = columns.find((c) => c.id === (down ? sort!.slice(1) : sort))?.by;
  return by ? [...rows].sort(compareBy(by, down)) : [...rows];
}

export function DataTable<T>({
  label,
  rows,
  columns,
  keyOf,
  to,
  sort,
  onSort,
  narrow,
  className,
}: Props<T>) {
  const navigate = useNavigate();
  const small = useMedia(phone);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (small ? narrowHeight : rowHeight),
    overscan: 10,
  });
  useEffect(() => virtual.measure(), [small, virtual]);
  useEffect(() => setActive((old) => Math.min(old, rows.length - 1)), [rows.length]);
  const move = (by: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, active + by));
    setActive(next);
    virtual.scrollToIndex(next);
  };
  const chosen = active >= 0 ? rows[active] : undefined;
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ...(chosen ? { Enter: () => void navigate(to(chosen)) } : undefined),
  });
  const template = columns
    .map((c) => (c.grows ? `minmax(${c.width}px,${c.grows}fr)` : `${c.width}px`))
    .join(' ');
  const width = columns.reduce((sum, c) => sum + c.width, 0);

  return (
    <div
      ref={scroller}
      className={cx('relative max-h-[calc(100dvh-11rem)] min-h-40 overflow-auto', className)}
    >
      <div
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        style={small ? undefined : { minWidth: width }}
      >
        {!small && (
          <div
            role="row"
            aria-rowindex={1}
            className="sticky top-0 z-10 grid h-8 items-center border-b bg-surface text-12 text-ink-2"
            style={{ gridTemplateColumns: template }}
          >
            {columns.map((c) => {
              const up = sort === c.id;
              const down = sort === `-${c.id}`;
              return (
                <div
                  key={c.id}
                  role="columnheader"
                  aria-sort={up ? 'ascending' : down ? 'descending' : undefined}
                  className={cx('min-w-0 truncate px-3', c.end && 'text-right')}
                >
                  {c.by ? (
                    <button
                      type="button"
                      onClick={() => onSort(nextOrder(sort, c.id))}
                      className="inline-flex items-center gap-1 hover:text-ink"
                    >
                      {c.label}
                      {up && <SortUpIcon size={12} />}
                      {down && <SortDownIcon size={12} />}
                    </button>
                  ) : (
                    c.label
                  )}
                </div>
              );
            })}
          </div>
        )}
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const look = cx(
              'absolute inset-x-0 border-b hover:bg-surface-2',
              item.index === active && 'outline-2 -outline-offset-2 outline-(--focus)',
            );
            const place = { transform: `translateY(${item.start}px)`, height: item.size };
            return small ? (
              <div
                role="row"
                key={keyOf(row)}
                aria-rowindex={item.index + 2}
                data-row={keyOf(row)}
                className={look}
                style={place}
              >
                <div role="cell" className="h-full">
                  <Link to={to(row)} className="block h-full px-3 py-2">
                    {narrow(row)}
                  </Link>
                </div>
              </div>
            ) : (
              <div
                role="row"
                key={keyOf(row)}
                aria-rowindex={item.index + 2}
                data-row={keyOf(row)}
                className={cx(look, 'grid items-center')}
                style={{ ...place, gridTemplateColumns: template }}
              >
                {columns.map((c) => (
                  <div
                    key={c.id}
                    role="cell"
                    className={cx('min-w-0 truncate px-3', c.end && 'num text-right')}
                  >
                    {c.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
