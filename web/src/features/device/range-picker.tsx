// The charts' time range: quick ones, or any two moments.
import { useState } from 'react';
import { Button } from '@/ui/button';
import { Segmented, TextField } from '@/ui/field';
import { customFaults, fromLocal, quickRanges, toLocal, type QuickRange, type Range } from './range';

const custom = 'custom';

function CustomRange({
  from,
  to,
  onApply,
  onCancel,
}: {
  from: number;
  to: number;
  onApply: (from: number, to: number) => void;
  onCancel: () => void;
}) {
  // What was on the screen when it was opened: the window moves on meanwhile.
  const [start, setStart] = useState(() => toLocal(from));
  const [end, setEnd] = useState(() => toLocal(to));
  const [faults, setFaults] = useState<{ start?: string; end?: string }>({});
  return (
    <form
      noValidate
      aria-label="Custom time range"
      className="panel flex w-full flex-wrap items-start gap-3 p-3 sm:w-auto"
      onSubmit={(e) => {
        e.preventDefault();
        const a = fromLocal(start);
        const b = fromLocal(end);
        const wrong = customFaults(a, b);
        setFaults(wrong);
        if (a !== null && b !== null && Object.keys(wrong).length === 0) onApply(a, b);
      }}
    >
      <TextField
        label="From"
        type="datetime-local"
        step={1}
        autoFocus
        value={start}
        onChange={(e) => setStart(e.target.value)}
        fault={faults.start}
      />
      <TextField
        label="To"
        type="datetime-local"
        step={1}
        value={end}
        onChange={(e) => setEnd(e.target.value)}
        fault={faults.end}
      />
      <div className="flex gap-2 sm:mt-6">
        <Button type="submit" kind="primary">
          Show
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}

export function RangePicker({
  range,
  from,
  to,
  onQuick,
  onCustom,
}: {
  range: Range;
  /** What is shown now, in seconds. */
  from: number;
  to: number;
  onQuick: (quick: QuickRange) => void;
  onCustom: (from: number, to: number) => void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Segmented
        label="Time range"
        value={open || range.kind === 'fixed' ? custom : range.quick}
        options={[...quickRanges, { value: custom, label: 'Custom' }]}
        onChange={(v) => {
          setOpen(v === custom && !open);
          if (v !== custom) onQuick(v as QuickRange);
        }}
      />
      {open && (
        <div className="order-last w-full">
          <CustomRange
            from={from}
            to={to}
            onApply={(a, b) => {
              setOpen(false);
              onCustom(a, b);
            }}
            onCancel={() => setOpen(false)}
          />
        </div>
      )}
    </>
  );
}
