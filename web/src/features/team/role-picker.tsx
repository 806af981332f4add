import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import type { Role } from '@/api/people';
import { many } from '@/lib/numbers';
import { Link } from 'react-router';
import { ungrantable } from './grants';

/** Roles to tick; those that bundle more than the caller holds can't be. */
export function RolePicker({
  roles,
  chosen,
  onChange,
  fault,
}: {
  roles: readonly Role[];
  chosen: ReadonlySet<string>;
  onChange: (next: ReadonlySet<string>) => void;
  fault?: string;
}) {
  const { may } = usePermissions();
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChange(next);
  };
  return (
    <fieldset>
      <legend className="mb-1 flex w-full items-baseline justify-between gap-3 font-medium">
        <span>Roles</span>
        {may(needs.roles) && (
          <Link to="/roles" className="font-normal text-accent underline underline-offset-2">
            What they allow
          </Link>
        )}
      </legend>
      <ul className="max-h-72 overflow-y-auto rounded-m border border-line-strong">
        {roles.map((r) => {
          const lacking = ungrantable(r, may);
          return (
            <li key={r.id} className="border-b last:border-b-0">
              <label
                className={`flex gap-2.5 px-2.5 py-1.5 ${lacking ? 'cursor-not-allowed text-ink-3' : 'cursor-pointer hover:bg-surface-2'}`}
                title={lacking ? `You don't hold ${lacking}, so you can't grant it` : undefined}
              >
                <input
                  type="checkbox"
                  className="mt-1 size-3.5 accent-(--accent)"
                  checked={chosen.has(r.id)}
                  disabled={lacking !== null && !chosen.has(r.id)}
                  onChange={() => toggle(r.id)}
                />
                <span className="min-w-0">
                  <span className="font-medium">{r.name}</span>{' '}
                  <span className="num text-12 text-ink-3">
                    {many(r.permissions.length, 'permission')}
                    {!r.is_system && ' · own role'}
                  </span>
                  {r.description && (
                    <span className="block text-12 text-ink-2">{r.description}</span>
                  )}
                </span>
              </label>
            </li>
          );
        })}
      </ul>
      {fault && (
        <p className="mt-1 text-12 text-critical" role="alert">
          <span aria-hidden="true">▲ </span>
          {fault}
        </p>
      )}
    </fieldset>
  );
}
