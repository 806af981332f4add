// One kind of part of a template as a table, with its buttons.
import { useState, type ReactNode } from 'react';
import { templates, type PartKind, type TemplateDetail } from '@/api/templates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { useTemplateWrite } from './queries';

export interface PartColumn<T> {
  label: string;
  cell: (part: T) => ReactNode;
  /** Left out on a phone. */
  wide?: boolean;
}

export function PartTable<T extends { id: number; display_name: string }>({
  title,
  one,
  kind,
  template,
  parts,
  columns,
  empty,
  loss,
  children,
  form,
}: {
  title: string;
  /** What one of them is called: "metric". */
  one: string;
  kind: PartKind;
  template: TemplateDetail;
  parts: readonly T[];
  columns: readonly PartColumn<T>[];
  empty: string;
  /** What goes with a deleted one. */
  loss: string;
  /** Between the heading and the table. */
  children?: ReactNode;
  form: (part: T | null, close: () => void) => ReactNode;
}) {
  const [editing, setEditing] = useState<T | 'new' | null>(null);
  const [deleting, setDeleting] = useState<T | null>(null);
  const remove = useTemplateWrite((part: T) => templates.deletePart(kind, template.id, part.id), {
    onSuccess: () => setDeleting(null),
  });
  const open = !template.is_locked;
  return (
    <Panel
      title={title}
      aside={
        open && (
          <GatedButton needs={needs.editTemplate} small onClick={() => setEditing('new')}>
            Add {one}
          </GatedButton>
        )
      }
    >
      {children}
      {parts.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">{empty}</p>
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={`Table of ${title.toLowerCase()}`}>
          <table className="w-full text-left">
            <thead className="text-12 text-ink-2">
              <tr className="border-b">
                {columns.map((c) => (
                  <th key={c.label} scope="col" className={`px-3 py-1.5 font-normal ${c.wide ? 'max-sm:hidden' : ''}`}>
                    {c.label}
                  </th>
                ))}
                {open && (
                  <th scope="col" className="px-3">
                    <span className="sr-only">Actions</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {parts.map((part) => (
                <tr key={part.id} data-part={part.id} className="border-b last:border-b-0 hover:bg-surface-2">
                  {columns.map((c) => (
                    <td key={c.label} className={`px-3 py-1.5 align-top ${c.wide ? 'max-sm:hidden' : ''}`}>
                      {c.cell(part)}
                    </td>
                  ))}
                  {open && (
                    <td className="px-2 py-1 text-right align-top whitespace-nowrap">
                      <GatedButton
                        needs={needs.editTemplate}
                        small
                        kind="quiet"
                        aria-label={`Edit ${part.display_name}`}
                        onClick={() => setEditing(part)}
                      >
                        Edit
                      </GatedButton>
                      <GatedButton
                        needs={needs.editTemplate}
                        small
                        kind="quiet"
                        aria-label={`Delete ${part.display_name}`}
                        onClick={() => setDeleting(part)}
                      >
                        Delete
                      </GatedButton>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {editing && form(editing === 'new' ? null : editing, () => setEditing(null))}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.display_name}?`}
          action={`Delete ${one}`}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(deleting)}
          onClose={() => {
            remove.reset();
            setDeleting(null);
          }}
        >
          <p>{loss} An earlier version brings it back.</p>
        </Confirm>
      )}
    </Panel>
  );
}
