import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';
import { Link } from 'react-router';
import type { ImportAnswer, ImportResultRow } from '@/api/imports';
import { deviceLink } from '@/features/devices/readings';
import { count } from '@/lib/numbers';
import { Segmented } from '@/ui/field';
import { problems } from './rows';

function Row({ row, written }: { row: ImportResultRow; written: boolean }) {
  const good = row.status === 'ok';
  return (
    <>
      <div role="cell" className="num w-12 shrink-0 text-right text-ink-3">
        {row.row}
      </div>
      <div role="cell" className="min-w-0 flex-1 sm:w-56 sm:flex-none">
        <p className="truncate">{row.name || <span className="text-ink-3">no name</span>}</p>
        {row.device_id && (
          <p className="truncate font-mono text-12 text-ink-2">
            {written && good ? (
              <Link to={deviceLink(row.device_id)} className="text-accent underline">
                {row.device_id}
              </Link>
            ) : (
              row.device_id
            )}
          </p>
        )}
      </div>
      <div role="cell" className="w-full pl-15 sm:w-auto sm:min-w-0 sm:flex-1 sm:pl-0">
        {good ? (
          <span className="text-online">
            <span aria-hidden="true">✓ </span>
            {written ? 'Imported' : 'Fits'}
          </span>
        ) : (
          <span className="text-critical">
            <span aria-hidden="true">▲ </span>
            {row.message}
          </span>
        )}
      </div>
    </>
  );
}

/** What would become, or became, of each row. */
export function ResultTable({ answer }: { answer: ImportAnswer }) {
  const bad = problems(answer);
  const [only, setOnly] = useState(bad.length > 0 ? 'problems' : 'all');
  const rows = only === 'problems' ? bad : answer.results;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 56,
    overscan: 10,
  });
  return (
    <div>
      {bad.length > 0 && (
        <div className="border-b px-3 py-2">
          <Segmented
            label="Rows"
            value={only}
            onChange={setOnly}
            options={[
              { value: 'problems', label: `Problems (${count(bad.length)})` },
              { value: 'all', label: `All rows (${count(answer.total)})` },
            ]}
          />
        </div>
      )}
      <div ref={scroller} tabIndex={0} aria-label="Rows of the file" role="region" className="relative max-h-[50dvh] overflow-auto">
        <div
          role="table"
          aria-label="Rows of the file"
          aria-rowcount={rows.length}
          className="relative"
          style={{ height: virtual.getTotalSize() }}
        >
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <div
                  key={row.row}
                  role="row"
                  ref={virtual.measureElement}
                  data-index={item.index}
                  data-result={row.status}
                  aria-rowindex={item.index + 1}
                  className="absolute inset-x-0 flex flex-wrap items-center gap-x-3 gap-y-0.5 border-b px-3 py-2"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <Row row={row} written={!answer.dry_run} />
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}
