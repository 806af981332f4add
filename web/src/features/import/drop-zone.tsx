import { useId, useState } from 'react';
import { cx } from '@/lib/cx';

/** Where a file is dropped or chosen. */
export function DropZone({ onFile, busy }: { onFile: (file: File) => void; busy: boolean }) {
  const id = useId();
  const [over, setOver] = useState(false);
  return (
    <label
      htmlFor={id}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        const file = e.dataTransfer.files[0];
        if (file && !busy) onFile(file);
      }}
      className={cx(
        'flex cursor-pointer flex-col items-center gap-1 rounded-l border border-dashed px-4 py-8 text-center focus-within:outline-2 focus-within:outline-(--focus)',
        over ? 'border-accent bg-surface-2' : 'border-line-strong hover:bg-surface-2',
      )}
    >
      <span className="font-medium">{busy ? 'Reading the file' : 'Drop a CSV file here'}</span>
      <span className="text-ink-2">
        or <span className="text-accent underline">choose one</span>. Nothing is written before you
        say so.
      </span>
      <input
        id={id}
        type="file"
        accept=".csv,text/csv"
        className="sr-only"
        disabled={busy}
        onChange={(e) => {
          const file = e.target.files?.[0];
          if (file) onFile(file);
          e.target.value = '';
        }}
      />
    </label>
  );
}
