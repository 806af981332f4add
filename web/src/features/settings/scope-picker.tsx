import { useState } from 'react';
import type { Permission } from '@/api/people';
import { categoryWords, fits } from '@/features/roles/matrix';
import { Button } from '@/ui/button';
import { readOnly } from './scopes';

/** Scopes to tick, out of what the caller may do. */
export function ScopePicker({
  permissions,
  chosen,
  onChange,
  fault,
}: {
  permissions: readonly Permission[];
  chosen: ReadonlySet<string>;
  onChange: (next: ReadonlySet<string>) => void;
  fault?: string;
}) {
  const [text, setText] = useState('');
  const toggle = (action: string) => {
    const next = new Set(chosen);
    if (!next.delete(action)) next.add(action);
    onChange(next);
  };
  const groups = new Map<string, Permission[]>();
  for (const p of permissions)
    if (fits(p, text)) groups.set(p.category, [...(groups.get(p.category) ?? []), p]);
  return (
    <fieldset>
      <legend className="mb-1 font-medium">
        What it may do{' '}
        <span className="num font-normal text-ink-3">
          {chosen.size} of your {permissions.length}
        </span>
      </legend>
      <div className="mb-1.5 flex flex-wrap gap-1.5">
        <input
          type="search"
          aria-label="Search scopes"
          placeholder="Search"
          value={text}
          onChange={(e) => setText(e.target.value)}
          className="h-7 min-w-32 flex-1 rounded-m border border-line-strong bg-surface px-2"
        />
        <Button small onClick={() => onChange(new Set(readOnly(permissions)))}>
          Only look
        </Button>
        <Button small onClick={() => onChange(new Set(permissions.map((p) => p.action)))}>
          Everything
        </Button>
        <Button small onClick={() => onChange(new Set())}>
          Nothing
        </Button>
      </div>
      <div className="max-h-60 overflow-y-auto rounded-m border border-line-strong" tabIndex={-1}>
        {[...groups].map(([category, list]) => (
          <section key={category} aria-label={categoryWords(category)}>
            <h3 className="sticky top-0 bg-surface-2 px-2.5 py-0.5 text-12 text-ink-2">
              {categoryWords(category)}
            </h3>
            {list.map((p) => (
              <label
                key={p.id}
                className="flex cursor-pointer items-start gap-2.5 px-2.5 py-1 hover:bg-surface-2"
                data-scope={p.action}
              >
                <input
                  type="checkbox"
                  className="mt-1 size-3.5 accent-(--accent)"
                  checked={chosen.has(p.action)}
                  onChange={() => toggle(p.action)}
                />
                <span className="min-w-0 flex-1 sm:flex sm:justify-between sm:gap-3">
                  {p.description}
                  <span className="block font-mono text-12 text-ink-3">{p.action}</span>
                </span>
              </label>
            ))}
          </section>
        ))}
        {groups.size === 0 && <p className="px-2.5 py-2 text-ink-2">Nothing of yours fits.</p>}
      </div>
      {fault && (
        <p className="mt-1 text-12 text-critical" role="alert">
          <span aria-hidden="true">▲ </span>
          {fault}
        </p>
      )}
    </fieldset>
  );
}
