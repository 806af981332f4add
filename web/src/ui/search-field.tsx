import { useEffect, useState } from 'react';
import { cx } from '@/lib/cx';

/** The search of a page: `/` goes to it, and what it changes follows after a short pause. */
export function SearchField({
  label,
  placeholder,
  value,
  onChange,
  className,
}: {
  label: string;
  placeholder: string;
  value: string;
  onChange: (text: string) => void;
  className?: string;
}) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onChange(typed), 200);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <input
      data-search
      type="search"
      aria-label={label}
      value={typed}
      onChange={(e) => setTyped(e.target.value)}
      placeholder={placeholder}
      spellCheck={false}
      className={cx(
        'h-8 w-full rounded-m border border-line-strong bg-surface px-2.5 sm:w-72',
        className,
      )}
    />
  );
}
