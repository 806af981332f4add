// Fields that stand inside a sentence: small, with their names for screen readers.
import type { ReactNode } from 'react';
import { cx } from '@/lib/cx';
import type { Option } from '@/ui/field';

const box =
  'h-8 rounded-m border border-line-strong bg-surface px-2 text-ink placeholder:text-ink-3 max-w-full';

export function Pick({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(e) => onChange(e.target.value)} className={box}>
      {options.map((o) => (
        <option key={o.value} value={o.value}>
          {o.label}
        </option>
      ))}
    </select>
  );
}

export function Type({
  label,
  value,
  onChange,
  width = 'w-20',
  placeholder,
  list,
  number = true,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  width?: string;
  placeholder?: string;
  /** Id of a list of suggestions. */
  list?: string;
  number?: boolean;
}) {
  return (
    <input
      aria-label={label}
      value={value}
      onChange={(e) => onChange(e.target.value)}
      placeholder={placeholder}
      list={list}
      inputMode={number ? 'decimal' : undefined}
      autoComplete="off"
      spellCheck={false}
      className={cx(box, width, number && 'num')}
    />
  );
}

/** A part of the sentence: its words and fields flow as text does. */
export const Clause = ({ children }: { children: ReactNode }) => (
  <div className="flex flex-wrap items-center gap-x-1.5 gap-y-2">{children}</div>
);

/** Words and a field that no line parts. */
export const Together = ({ children }: { children: ReactNode }) => (
  <span className="inline-flex items-center gap-1.5 whitespace-nowrap">{children}</span>
);

/** One thing that is chosen, with its way out. */
export const Chip = ({ name, onRemove }: { name: string; onRemove: () => void }) => (
  <button
    type="button"
    aria-label={`Without ${name}`}
    onClick={onRemove}
    className="inline-flex h-7 items-center gap-1 rounded-m border border-accent px-2 text-12 hover:bg-surface-2"
  >
    {name} <span aria-hidden="true">×</span>
  </button>
);

/** Things that are chosen, each with a way out, and a list to choose more of. */
export function Chips({
  label,
  none,
  known,
  chosen,
  onChange,
}: {
  label: string;
  /** What stands in the list while nothing is chosen. */
  none: string;
  known: readonly Option[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}) {
  return (
    <span className="inline-flex flex-wrap items-center gap-1.5">
      {chosen.map((id) => (
        <Chip
          key={id}
          name={known.find((k) => k.value === id)?.label ?? id}
          onRemove={() => onChange(chosen.filter((x) => x !== id))}
        />
      ))}
      <select
        aria-label={label}
        value=""
        onChange={(e) => e.target.value && onChange([...chosen, e.target.value])}
        className={box}
      >
        <option value="">{chosen.length > 0 ? 'or …' : none}</option>
        {known
          .filter((k) => !chosen.includes(k.value))
          .map((k) => (
            <option key={k.value} value={k.value}>
              {k.label}
            </option>
          ))}
      </select>
    </span>
  );
}
