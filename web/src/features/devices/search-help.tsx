import { Popover } from 'radix-ui';
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
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button kind="quiet" aria-label="What the search understands" className="px-2">
          ?
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Search language"
          className="pop z-60 max-h-[70dvh] w-96 max-w-[calc(100vw-1rem)] overflow-y-auto rounded-m border bg-surface p-3 shadow-pop"
        >
          <p className="mb-2 text-ink-2">
            Words search id, name, model, serial number, site and address. Terms narrow: all of
            them must hold.
          </p>
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1">
            {keys.map(([term, meaning]) => (
              <div key={term} className="contents">
                <dt className="font-mono text-12">{term}</dt>
                <dd className="text-12 text-ink-2">{meaning}</dd>
              </div>
            ))}
          </dl>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
