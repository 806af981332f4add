import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { people, type Assignment, type Member, type Role } from '@/api/people';
import { usePermissions } from '@/auth/permissions';
import { nameOf } from '@/features/people/names';
import { useAssignments, useRefreshPeople, useRoles } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Failure, Skeleton } from '@/ui/states';
import { grantChange } from './grants';
import { isAdmin } from './member-parts';
import { RolePicker } from './role-picker';

/** What a change gives and takes, in words with the permissions behind them. */
function GrantChange({ added, removed }: { added: string[]; removed: string[] }) {
  if (added.length === 0 && removed.length === 0)
    return <p className="text-ink-3">No permission changes.</p>;
  return (
    <details className="rounded-m border px-3 py-2" data-testid="grant-change">
      <summary className="cursor-pointer">
        {added.length > 0 && (
          <span className="text-online">+ {many(added.length, 'permission')}</span>
        )}
        {added.length > 0 && removed.length > 0 && ', '}
        {removed.length > 0 && (
          <span className="text-critical">− {many(removed.length, 'permission')}</span>
        )}
      </summary>
      <ul className="mt-1 max-h-40 overflow-y-auto font-mono text-12">
        {added.map((a) => (
          <li key={a} className="text-online">
            + {a}
          </li>
        ))}
        {removed.map((a) => (
          <li key={a} className="text-critical">
            − {a}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Form({
  member,
  roles,
  assigned,
  onClose,
}: {
  member: Member;
  roles: Role[];
  assigned: Assignment[];
  onClose: () => void;
}) {
  const refresh = useRefreshPeople();
  const { held } = usePermissions();
  const before = new Set(assigned.map((a) => a.role_id));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(before);
  const [admin, setAdmin] = useState(isAdmin(member));
  const changed = [...chosen].some((id) => !before.has(id)) || [...before].some((id) => !chosen.has(id));
  const change = grantChange(roles, before, chosen);
  const fullAdmin = roles.some(
    (r) => r.is_system && r.name === 'Full Admin' && r.permissions.every((p) => held.has(p.action)),
  );
  const save = useMutation({
    mutationFn: async () => {
      if (changed) await people.assign(member.id, [...chosen]);
      if (admin !== isAdmin(member)) await people.setAdmin(member.id, admin);
    },
    onSuccess: () => {
      toast.success(`Roles of ${nameOf(member)} are saved; they hold at once`);
      onClose();
    },
    onSettled: refresh,
  });
  return (
    <DialogForm
      submit="Save roles"
      busy={save.isPending}
      error={save.error}
      onCancel={onClose}
      onSubmit={() => {
        if (!changed && admin === isAdmin(member)) onClose();
        else if (chosen.size > 0 || !changed) save.mutate();
      }}
    >
      {fullAdmin && (
        <label className="flex cursor-pointer gap-2.5 rounded-m border border-line-strong px-2.5 py-1.5">
          <input
            type="checkbox"
            className="mt-1 size-3.5 accent-(--accent)"
            checked={admin}
            onChange={(e) => setAdmin(e.target.checked)}
          />
          <span>
            <span className="font-medium">Administrator of the organization</span>
            <span className="block text-12 text-ink-2">
              Holds every permission, whatever the roles say. Only an administrator makes another.
            </span>
          </span>
        </label>
      )}
      <RolePicker
        roles={roles}
        chosen={chosen}
        onChange={setChosen}
        fault={chosen.size === 0 && changed ? 'Choose at least one role.' : undefined}
      />
      {changed && (admin ? <p className="text-ink-3">An administrator holds every permission anyway.</p> : <GrantChange {...change} />)}
    </DialogForm>
  );
}

/** Chooses the roles of a person, and shows what that gives and takes. */
export function RolesDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const roles = useRoles();
  const assigned = useAssignments(member.id);
  const error = roles.error ?? assigned.error;
  return (
    <Dialog open onClose={onClose} title={`Roles of ${nameOf(member)}`} description={member.email} dirty>
      {error && !(roles.data && assigned.data) ? (
        <Failure
          error={error}
          what="Roles"
          retry={() => {
            void roles.refetch();
            void assigned.refetch();
          }}
        />
      ) : roles.data && assigned.data ? (
        <Form member={member} roles={roles.data} assigned={assigned.data} onClose={onClose} />
      ) : (
        <Skeleton className="h-60" />
      )}
    </Dialog>
  );
}
