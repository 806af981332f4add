import { flexRender, getCoreRowModel, useReactTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import type { DeviceFilter } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { cx } from '@/lib/cx';
import { useKeys } from '@/lib/use-keys';
import { phone, useMedia } from '@/lib/use-media';
import { useStored } from '@/lib/use-stored';
import { SortDownIcon, SortUpIcon } from '@/ui/icons';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { columns, type Row, type TableFacts } from './columns';
import { NarrowRow } from './narrow-row';
import { deviceLink } from './readings';
import type { Selection } from './selection';
import { useLiveDevices, useRows } from './use-rows';

interface Props {
  filter: DeviceFilter;
  sort: string | null;
  onSort: (sort: string | null) => void;
  siteNames: TableFacts['siteNames'];
  selection: Selection;
  /** Height of a row in pixels, where there is room. */
  rowHeight: number;
  hidden: Record<string, boolean>;
  empty: ReactNode;
  onTotal: (total: number | null) => void;
}

/** Next order of a column: up, down, the server's own. */
function nextSort(now: string | null, key: string): string | null {
  if (now === key) return `-${key}`;
  return now === `-${key}` ? null : key;
}

/** The virtualised list of devices: a table, or two-line rows on a phone. */
export function DeviceTable({
  filter,
  sort,
  onSort,
  siteNames,
  selection,
  rowHeight,
  hidden,
  empty,
  onTotal,
}: Props) {
  const navigate = useNavigate();
  const narrow = useMedia(phone);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const [sizing, setSizing] = useStored<Record<string, number>>('pulse.devices.sizes', {});
  const [total, setTotal] = useState(0);

  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? 58 : rowHeight),
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const rows = useRows(filter, items[0]?.index ?? 0, items.at(-1)?.index ?? 0);
  const visible = items.map((item) => rows.at(item.index));
  const ids = visible.flatMap((d) => (d ? [d.device_id] : []));
  const withNews = useLiveDevices(ids);
  const data: Row[] = items.map((item, i) => {
    const d = visible[i];
    return { index: item.index, device: d ? withNews(d) : null };
  });

  const count = rows.total;
  useEffect(() => {
    onTotal(count);
    if (count !== null) setTotal(count);
  }, [count, onTotal]);
  const filterKey = JSON.stringify(filter);
  useEffect(() => {
    setActive(-1);
    scroller.current?.scrollTo({ top: 0 });
  }, [filterKey]);
  useEffect(() => virtual.measure(), [narrow, rowHeight, virtual]);

  const { toggle } = selection;
  const every = selection.size > 0 && selection.size >= total;
  const facts: TableFacts = {
    siteNames,
    selected: selection,
    toggle,
    every: {
      state: every || (selection.size > 0 && 'some'),
      change: every ? selection.clear : selection.all,
    },
  };

  const table = useReactTable({
    data,
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: (row) => String(row.index),
    columnResizeMode: 'onChange',
    // The rows in view change with every scroll; that must not set the table's own state.
    manualPagination: true,
    autoResetAll: false,
    meta: { facts },
    state: { columnVisibility: hidden, columnSizing: sizing },
    onColumnSizingChange: (update) =>
      setSizing(typeof update === 'function' ? update(sizing) : update),
  });
  const shown = table.getVisibleLeafColumns();
  const template = shown
    .map((c) => (c.id === 'readings' ? `minmax(${c.getSize()}px,1fr)` : `${c.getSize()}px`))
    .join(' ');
  const width = useMemo(() => shown.reduce((sum, c) => sum + c.getSize(), 0), [shown]);

  const move = useCallback(
    (by: number) =>
      setActive((old) => {
        const next = Math.max(0, Math.min(total - 1, old + by));
        virtual.scrollToIndex(next);
        return next;
      }),
    [total, virtual],
  );
  const activeDevice = active >= 0 ? rows.at(active) : null;
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => activeDevice && toggle(activeDevice.device_id, active),
    X: () => activeDevice && toggle(activeDevice.device_id, active, true),
    ...(activeDevice
      ? { Enter: () => void navigate(deviceLink(activeDevice.device_id)) }
      : undefined),
  });

  const refused = rows.error ? asApiError(rows.error) : null;
  if (refused?.status === 400)
    return <Empty title="This search can't be read">{refused.message}</Empty>;
  if (rows.error) return <Failure error={rows.error} what="Devices" retry={rows.refetch} />;
  if (rows.loading) return <SkeletonRows rows={14} label="Loading devices" />;
  if (rows.total === 0) return <>{empty}</>;

  return (
    <div
      ref={scroller}
      className="relative max-h-[calc(100dvh-11rem)] min-h-80 overflow-auto sm:max-h-[calc(100dvh-10rem)]"
    >
      <div
        role="table"
        aria-label="Devices"
        aria-rowcount={total + 1}
        style={narrow ? undefined : { minWidth: width }}
      >
        {!narrow && (
          <div
            role="row"
            aria-rowindex={1}
            className="sticky top-0 z-10 grid h-8 items-center border-b bg-surface text-ink-2"
            style={{ gridTemplateColumns: template }}
          >
            {table.getFlatHeaders().map((header) => {
              const key = header.column.columnDef.meta?.sort;
              const up = sort === key;
              const down = key !== undefined && sort === `-${key}`;
              const label = flexRender(header.column.columnDef.header, header.getContext());
              return (
                <div
                  key={header.id}
                  role="columnheader"
                  aria-sort={up ? 'ascending' : down ? 'descending' : undefined}
                  className={cx(
                    'relative min-w-0 px-3 text-12',
                    header.id !== 'select' && 'truncate',
                  )}
                >
                  {key ? (
                    <button
                      type="button"
                      onClick={() => onSort(nextSort(sort, key))}
                      className="inline-flex items-center gap-1 hover:text-ink"
                    >
                      {label}
                      {up && <SortUpIcon size={12} />}
                      {down && <SortDownIcon size={12} />}
                    </button>
                  ) : (
                    label
                  )}
                  {header.column.getCanResize() && (
                    <div
                      aria-hidden="true"
                      onMouseDown={header.getResizeHandler()}
                      onTouchStart={header.getResizeHandler()}
                      onDoubleClick={() => header.column.resetSize()}
                      className="absolute inset-y-0 right-0 w-1.5 cursor-col-resize touch-none hover:bg-line-strong"
                    />
                  )}
                </div>
              );
            })}
          </div>
        )}
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {table.getRowModel().rows.map((row, i) => {
            const item = items[i]!;
            const d = row.original.device;
            const chosen = d !== null && facts.selected.has(d.device_id);
            const look = cx(
              'absolute inset-x-0 border-b',
              chosen && 'bg-accent-soft',
              item.index === active && 'outline-2 -outline-offset-2 outline-(--focus)',
              !chosen && 'hover:bg-surface-2',
            );
            const place = { transform: `translateY(${item.start}px)`, height: item.size };
            if (narrow)
              return (
                <div
                  role="row"
                  key={row.id}
                  className={look}
                  style={place}
                  aria-rowindex={item.index + 2}
                  aria-selected={chosen || undefined}
                  data-device={d?.device_id}
                >
                  <NarrowRow device={d} index={item.index} facts={facts} />
                </div>
              );
            return (
              <div
                role="row"
                key={row.id}
                aria-rowindex={item.index + 2}
                aria-selected={chosen || undefined}
                data-device={d?.device_id}
                className={cx(look, 'grid items-center')}
                style={{ ...place, gridTemplateColumns: template }}
              >
                {row.getVisibleCells().map((cell) => (
                  <div
                    role="cell"
                    key={cell.id}
                    className={cx(
                      'flex min-w-0 items-center px-3',
                      cell.column.id !== 'select' && 'truncate',
                    )}
                  >
                    {flexRender(cell.column.columnDef.cell, cell.getContext())}
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
