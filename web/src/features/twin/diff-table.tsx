import type { Json } from '@/api/control';
import { cx } from '@/lib/cx';
import type { DiffRow, RowState } from './diff';

const marks: Record<RowState, [string, string]> = {
  same: ['=', 'text-ink-3'],
  differs: ['≠', 'text-warning'],
  'only-left': ['−', 'text-critical'],
  'only-right': ['+', 'text-online'],
};

function Value({ value, strong }: { value: Json | undefined; strong: boolean }) {
  if (value === undefined) return <span className="font-sans whitespace-nowrap text-ink-3">not there</span>;
  return <span className={cx(!strong && 'text-ink-2')}>{JSON.stringify(value)}</span>;
}

/** Documents side by side; the mark and its word tell what differs, not color alone. */
export function DiffTable({
  rows,
  left,
  right,
  words,
  label,
}: {
  rows: readonly DiffRow[];
  left: string;
  right: string;
  words: Record<RowState, string>;
  label: string;
}) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className="w-full text-left">
        <thead>
          <tr className="border-b text-12 text-ink-2">
            <th className="px-3 py-1 font-normal">Member</th>
            <th className="px-3 py-1 font-normal">{left}</th>
            <th className="px-3 py-1 font-normal">{right}</th>
            <th className="px-3 py-1 font-normal">
              <span className="sr-only">How they differ</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => {
            const [mark, tone] = marks[r.state];
            return (
              <tr
                key={r.path}
                data-diff={r.state}
                className={cx('border-b align-top last:border-b-0', r.state !== 'same' && 'bg-surface-2')}
              >
                <th scope="row" className="px-3 py-1 font-mono text-12 font-normal">
                  {r.path}
                </th>
                <td className="max-w-80 px-3 py-1 font-mono text-12 break-words">
                  <Value value={r.left} strong={r.state !== 'same'} />
                </td>
                <td className="max-w-80 px-3 py-1 font-mono text-12 break-words">
                  <Value value={r.right} strong={r.state !== 'same'} />
                </td>
                <td className={cx('px-3 py-1 text-12 whitespace-nowrap', tone)}>
                  <span aria-hidden="true">{mark} </span>
                  {words[r.state]}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Of a change: what was, and what is. */
export const changeWords: Record<RowState, string> = {
  same: 'unchanged',
  differs: 'changed',
  'only-left': 'removed',
  'only-right': 'added',
};
