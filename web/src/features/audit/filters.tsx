// What an audit log is narrowed by; the filter stands in the page's address.
import type { ReactNode } from 'react';
import type { AuditFilter } from '@/api/people';
import { Button } from '@/ui/button';
import { CloseIcon } from '@/ui/icons';
import { bounds } from './changes';

export type Get = (name: string) => string | null;

const field = 'h-8 rounded-m border border-line-strong bg-surface px-2';

/** The filter that an address names. */
export function auditFilter(get: Get): AuditFilter {
  const out: AuditFilter = bounds(get('from'), get('to'));
  const take = (to: keyof AuditFilter, from: string) => {
    const value = get(from);
    if (value) out[to] = value;
  };
  take('search', 'q');
  take('actor_id', 'actor');
  take('event_type', 'action');
  take('category', 'category');
  take('severity', 'severity');
  take('entity_type', 'entity');
  take('entity_id', 'entity_id');
  return out;
}

/** A choice of the filter that stands in the address. */
export function Choice({
  label,
  none,
  value,
  options,
  onChange,
}: {
  label: string;
  none: string;
  value: string | null;
  options: [string, string][];
  onChange: (value: string) => void;
}) {
  // What an address names is shown, also when it is none of the usual ones.
  const known = value === null || options.some(([key]) => key === value);
  return (
    <select
      aria-label={label}
      value={value ?? ''}
      onChange={(e) => onChange(e.target.value)}
      className={`${field} max-w-44`}
    >
      <option value="">{none}</option>
      {(known ? options : [...options, [value, value] as [string, string]]).map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** A filter that has no field of its own: shown, and taken away by its button. */
export function FilterChip({ children, onRemove }: { children: ReactNode; onRemove: () => void }) {
  return (
    <span className="inline-flex h-8 items-center gap-1 rounded-m border border-line-strong bg-surface-2 pl-2.5">
      {children}
      <Button kind="quiet" small aria-label="Remove this filter" onClick={onRemove}>
        <CloseIcon size={12} />
      </Button>
    </span>
  );
}

/** From a day to a day, both whole. */
export function DayRange({
  get,
  set,
}: {
  get: Get;
  set: (members: Record<string, string | null>) => void;
}) {
  return (
    <span className="flex items-center gap-1.5 text-ink-2">
      {(['from', 'to'] as const).map((end) => (
        <label key={end} className="flex items-center gap-1.5">
          {end === 'from' ? 'From' : 'to'}
          <input
            type="date"
            aria-label={end === 'from' ? 'From this day' : 'Up to this day'}
            className={`${field} w-32 text-ink`}
            value={get(end) ?? ''}
            max={(end === 'from' && get('to')) || undefined}
            min={(end === 'to' && get('from')) || undefined}
            onChange={(e) => set({ [end]: e.target.value })}
          />
        </label>
      ))}
    </span>
  );
}
