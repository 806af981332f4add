// Form fields: label, input, help and fault belong together and are tied for screen readers.
import { useId, type InputHTMLAttributes, type ReactNode, type Ref } from 'react';
import { cx } from '@/lib/cx';

const box =
  'w-full rounded-m border bg-surface px-2.5 text-ink placeholder:text-ink-3 disabled:opacity-60';
const edge = (fault: string | undefined) => (fault ? 'border-critical' : 'border-line-strong');

interface Wrap {
  label: string;
  help?: ReactNode;
  fault?: string;
  optional?: boolean;
}

/** What is wrong with a field, or with several that belong together; nothing where nothing is. */
export const Fault = ({ id, words }: { id?: string; words: string | undefined }) =>
  words && (
    <p id={id} className="text-12 text-critical">
      <span aria-hidden="true">▲ </span>
      {words}
    </p>
  );

function Frame({
  id,
  label,
  help,
  fault,
  optional,
  children,
}: Wrap & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {label}
        {optional && <span className="font-normal text-ink-3"> (optional)</span>}
      </label>
      {children}
      <Fault id={`${id}-fault`} words={fault} />
      {help && (
        <p id={`${id}-help`} className="text-12 text-ink-3">
          {help}
        </p>
      )}
    </div>
  );
}

const described = (id: string, fault?: string, help?: ReactNode) =>
  cx(fault && `${id}-fault`, help ? `${id}-help` : null) || undefined;

export function TextField({
  label,
  help,
  fault,
  optional,
  mono,
  ...rest
}: Wrap &
  InputHTMLAttributes<HTMLInputElement> & { mono?: boolean; ref?: Ref<HTMLInputElement> }) {
  const id = useId();
  return (
    <Frame {...{ id, label, help, fault, optional }}>
      <input
        id={id}
        autoComplete="off"
        {...rest}
        aria-invalid={fault ? true : undefined}
        aria-describedby={described(id, fault, help)}
        className={cx(box, edge(fault), 'h-8', mono && 'font-mono text-12')}
      />
    </Frame>
  );
}

export function AreaField({
  label,
  help,
  fault,
  optional,
  value,
  onChange,
  rows = 3,
  mono,
  readOnly,
}: Wrap & {
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  mono?: boolean;
  readOnly?: boolean;
}) {
  const id = useId();
  return (
    <Frame {...{ id, label, help, fault, optional }}>
      <textarea
        id={id}
        rows={rows}
        readOnly={readOnly}
        spellCheck={mono ? false : undefined}
        value={value}
        onChange={(e) => onChange(e.target.value)}
        aria-invalid={fault ? true : undefined}
        aria-describedby={described(id, fault, help)}
        className={cx(box, edge(fault), 'py-1.5', mono && 'font-mono text-12')}
      />
    </Frame>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function SelectField({
  label,
  help,
  fault,
  optional,
  options,
  none,
  value,
  onChange,
}: Wrap & {
  options: Option[];
  /** Label of the empty choice; without it there is none. */
  none?: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <Frame {...{ id, label, help, fault, optional }}>
      <select
        id={id}
        value={value}
        onChange={(e) => onChange(e.target.value)}
        aria-invalid={fault ? true : undefined}
        aria-describedby={described(id, fault, help)}
        className={cx(box, edge(fault), 'h-8')}
      >
        {none !== undefined && <option value="">{none}</option>}
        {options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

/** A row of choices of which one holds. */
export function Segmented({
  label,
  options,
  value,
  onChange,
  className,
}: {
  label: string;
  options: Option[];
  value: string | null;
  onChange: (value: string) => void;
  className?: string;
}) {
  return (
    <div
      role="group"
      aria-label={label}
      className={cx(
        'inline-flex max-w-full overflow-x-auto rounded-m border border-line-strong bg-surface',
        className,
      )}
    >
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          onClick={() => onChange(o.value)}
          className={cx(
            'num h-7.5 flex-auto border-r px-2.5 whitespace-nowrap last:border-r-0',
            'focus-visible:-outline-offset-2',
            o.value === value
              ? 'bg-surface-2 font-medium text-ink'
              : 'text-ink-2 hover:bg-surface-2 hover:text-ink',
          )}
        >
          {o.label}
        </button>
      ))}
    </div>
  );
}
