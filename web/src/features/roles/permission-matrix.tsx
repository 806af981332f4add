import { useEffect, useRef } from 'react';
import type { Permission } from '@/api/people';
import { cx } from '@/lib/cx';
import { phone, useMedia } from '@/lib/use-media';
import { categoryWords, verbs, verbWords, type MatrixRow } from './matrix';

interface Props {
  rows: readonly MatrixRow[];
  ids: ReadonlySet<number>;
  before: ReadonlySet<number>;
  /** Whether a permission is shown: it fits the search and the filter. */
  shown: (p: Permission) => boolean;
  /** Whether the caller may hand it out. */
  grantable: (p: Permission) => boolean;
  /** Null: only to be looked at. */
  onChange: ((ids: ReadonlySet<number>) => void) | null;
}

/** A box that knows three states. */
function Box({
  label,
  title,
  checked,
  some = false,
  disabled,
  changed,
  onChange,
}: {
  label: string;
  title?: string;
  checked: boolean;
  some?: boolean;
  disabled: boolean;
  changed?: 'added' | 'removed' | null;
  onChange: (next: boolean) => void;
}) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !checked;
  }, [some, checked]);
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label={label}
      title={title ?? label}
      checked={checked}
      disabled={disabled}
      onChange={(e) => onChange(e.target.checked)}
      className={cx(
        'size-4 shrink-0 accent-(--accent)',
        changed === 'added' && 'outline-2 outline-offset-2 outline-online',
        changed === 'removed' && 'outline-2 outline-offset-2 outline-critical',
      )}
    />
  );
}

/** Permissions by kind of thing and verb; on a phone a list. Changes against `before` are outlined. */
export function PermissionMatrix({ rows, ids, before, shown, grantable, onChange }: Props) {
  const small = useMedia(phone);
  const set = (list: readonly Permission[], on: boolean) => {
    const next = new Set(ids);
    for (const p of list) {
      if (on && grantable(p)) next.add(p.id);
      else if (!on) next.delete(p.id);
    }
    onChange?.(next);
  };
  const changeOf = (p: Permission) =>
    ids.has(p.id) === before.has(p.id) ? null : ids.has(p.id) ? 'added' : 'removed';
  const one = (p: Permission) => {
    const locked = !grantable(p) && !ids.has(p.id);
    return (
      <Box
        label={`${p.description} (${p.action})`}
        title={locked ? `${p.description}: you don't hold ${p.action}, so you can't grant it` : undefined}
        checked={ids.has(p.id)}
        disabled={onChange === null || locked}
        changed={changeOf(p)}
        onChange={(on) => set([p], on)}
      />
    );
  };
  const group = (label: string, list: readonly Permission[]) => (
    <Box
      label={label}
      checked={list.every((p) => ids.has(p.id))}
      some={list.some((p) => ids.has(p.id))}
      disabled={onChange === null}
      onChange={(on) => set(list, on)}
    />
  );
  const visible = rows
    .map((row) => ({ row, list: row.all.filter(shown) }))
    .filter(({ list }) => list.length > 0);
  const held = (row: MatrixRow) => row.all.filter((p) => ids.has(p.id)).length;

  if (small)
    return (
      <div>
        {visible.map(({ row, list }) => (
          <section key={row.category} aria-label={categoryWords(row.category)} className="border-b last:border-b-0">
            <h3 className="flex items-center gap-2.5 bg-surface-2 px-3 py-1.5 font-medium">
              {group(`All of ${categoryWords(row.category)}`, list)}
              {categoryWords(row.category)}
              <span className="num ml-auto text-12 font-normal text-ink-3">
                {held(row)} of {row.all.length}
              </span>
            </h3>
            <ul>
              {list.map((p) => (
                <li key={p.id} className="flex items-start gap-2.5 px-3 py-1.5" data-permission={p.action}>
                  <span className="mt-0.5">{one(p)}</span>
                  <span className="min-w-0">
                    {p.description}
                    <span className="block font-mono text-12 break-words text-ink-3">{p.action}</span>
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    );
  const columns = verbs.filter((verb) => rows.some((row) => row.cells[verb]));
  return (
    <table className="w-full text-left">
      <thead>
        <tr className="border-b text-12 text-ink-2">
          <th scope="col" className="w-52 px-3 py-1.5 font-normal">
            About
          </th>
          {columns.map((verb) => (
            <th key={verb} scope="col" className="w-24 px-2 py-1.5 text-center font-normal">
              {verbWords[verb]}
            </th>
          ))}
          <th scope="col" className="px-3 py-1.5 font-normal">
            And more
          </th>
        </tr>
      </thead>
      <tbody>
        {visible.map(({ row, list }) => (
          <tr key={row.category} className="border-b last:border-b-0 hover:bg-surface-2">
            <th scope="row" className="px-3 py-1.5 font-normal">
              <span className="flex items-center gap-2.5">
                {group(`All of ${categoryWords(row.category)}`, list)}
                <span className="font-medium">{categoryWords(row.category)}</span>
                <span className="num ml-auto text-12 text-ink-3">
                  {held(row)} of {row.all.length}
                </span>
              </span>
            </th>
            {columns.map((verb) => {
              const p = row.cells[verb];
              return (
                <td key={verb} className="px-2 py-1.5 text-center align-middle" data-permission={p?.action}>
                  {p && shown(p) ? (
                    <span className="inline-flex align-middle">{one(p)}</span>
                  ) : (
                    <span className="text-ink-3" aria-hidden="true">
                      ·
                    </span>
                  )}
                </td>
              );
            })}
            <td className="px-3 py-1.5">
              <span className="flex flex-wrap gap-x-4 gap-y-1.5">
                {row.others
                  .filter(({ permission }) => shown(permission))
                  .map(({ permission, label }) => (
                    <label
                      key={permission.id}
                      className="inline-flex items-center gap-1.5"
                      title={permission.description}
                      data-permission={permission.action}
                    >
                      {one(permission)}
                      <span>{label}</span>
                    </label>
                  ))}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
