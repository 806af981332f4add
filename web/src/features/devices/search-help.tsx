import { useId, useRef } from 'react';
import { Button } from '@/ui/button';

const keys: [string, string][] = [
  ['status:offline,stale', 'any of online, stale, offline'],
  ['site:"Hamburg Hub"', 'a site by id or name'],
  ['tag:pilot', 'a tag, as it is written'],
  ['temp_c>30', 'the latest value: > >= < <= = !='],
  ['door=true', 'words and booleans too'],
  ['template:gateway', 'a template by id, slug or name'],
  ['group:cold-stores', 'a group by id or name'],
  ['name:pump*', '* stands for anything'],
  ['id: fw: model: serial: type:', 'the same for these'],
  ['is:decommissioned', 'those out of service'],
  ['-tag:old', '- in front: all others'],
  ['tag:a OR tag:b', 'either'],
  ['"cold store"', 'text as it stands'],
];

/** What the search of devices understands. */
export function SearchHelp() {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const card = useRef<HTMLDivElement>(null);
  /** Below the button, inside the window. */
  const place = () => {
    const at = button.current?.getBoundingClientRect();
    const box = card.current;
    if (!at || !box) return;
    const width = Math.min(384, window.innerWidth - 16);
    box.style.width = `${width}px`;
    box.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`;
    box.style.top = `${Math.min(at.bottom + 4, window.innerHeight * 0.4)}px`;
  };
  return (
    <>
      <Button
        ref={button}
        kind="quiet"
        aria-label="What the search understands"
        className="px-2"
        popoverTarget={id}
      >
        ?
      </Button>
      <div
        ref={card}
        id={id}
        popover="auto"
        role="dialog"
        aria-label="Search language"
        onBeforeToggle={place}
        className="fixed m-0 max-h-[58dvh] overflow-y-auto rounded-m border bg-surface p-3 text-ink shadow-pop"
      >
        <p className="mb-2 text-ink-2">
          Words search id, name, model, serial number, site and address. Terms narrow: all of them
          must hold.
        </p>
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1">
          {keys.map(([term, meaning]) => (
            <div key={term} className="contents">
              <dt className="font-mono text-12">{term}</dt>
              <dd className="text-12 text-ink-2">{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </>
  );
}
