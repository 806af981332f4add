import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { SearchHelp } from '@/features/devices/search-help';
import { count, many } from '@/lib/numbers';
import { faultAt } from '@/lib/query-line';
import { TextField } from '@/ui/field';
import { StatusMark } from '@/ui/status';

const shown = 5;

/** Follows a value after a pause in the typing. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), 250);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** The line as it was asked, with the part at fault marked. */
function Marked({ line, at }: { line: string; at: number }) {
  const letters = [...line];
  const rest = letters.slice(at);
  const space = rest.findIndex((c) => /\s/.test(c));
  const end = space < 0 ? letters.length : at + space;
  return (
    <code className="block overflow-x-auto font-mono text-12 whitespace-pre text-ink-2" aria-hidden="true">
      {letters.slice(0, at).join('')}
      <mark className="bg-critical-soft text-critical underline decoration-wavy">
        {letters.slice(at, end).join('')}
      </mark>
      {letters.slice(end).join('')}
    </code>
  );
}

/** A query with what it finds now, while it is typed. */
export function QueryField({
  value,
  onChange,
  fault,
}: {
  value: string;
  onChange: (line: string) => void;
  /** A fault that the form found. */
  fault?: string;
}) {
  const line = useSettled(value).trim();
  const found = useQuery({
    queryKey: ['devices', 'preview', line],
    queryFn: ({ signal }) => api.devices(line ? { q: line } : {}, shown, 0, signal),
    retry: false,
  });
  const error = found.error ? asApiError(found.error) : null;
  const at = error ? faultAt(error.message) : null;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-end gap-1">
        <div className="min-w-0 flex-1">
          <TextField
            label="Devices that fit"
            mono
            value={value}
            onChange={(e) => onChange(e.target.value)}
            placeholder='status:online tag:pilot temp_c>30 site:"Hamburg Hub"'
            spellCheck={false}
            fault={fault ?? error?.message}
          />
        </div>
        {!fault && !error && <SearchHelp />}
      </div>
      {at !== null && <Marked line={line} at={at} />}
      {!error && (
        <div role="status" aria-label="Preview" className="rounded-m border px-3 py-2">
          {found.data ? (
            <>
              <p className="num text-12 text-ink-2">
                {found.data.total === 0
                  ? 'No device fits now. Those that fit later come in by themselves.'
                  : `${many(found.data.total, 'device')} ${found.data.total === 1 ? 'fits' : 'fit'} now${line ? '' : ': an empty query is every device'}`}
              </p>
              <ul>
                {found.data.devices.map((d) => (
                  <li key={d.device_id} className="flex min-w-0 items-center justify-between gap-3 py-0.5">
                    <span className="truncate">
                      {d.name ?? d.device_id}{' '}
                      <span className="font-mono text-12 text-ink-3">{d.device_id}</span>
                    </span>
                    <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />
                  </li>
                ))}
              </ul>
              {found.data.total > shown && (
                <p className="num text-12 text-ink-3">and {count(found.data.total - shown)} more</p>
              )}
            </>
          ) : (
            <p className="text-12 text-ink-3">Looking</p>
          )}
        </div>
      )}
    </div>
  );
}
