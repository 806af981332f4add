import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { callPath } from '@/api/customer';
import type { Role } from '@/api/people';
import { needs } from '@/auth/needs';
import { useCatalogue, useRoles } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader, Panel } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { Gate } from '@/auth/gated';
import PermissionNote from '@/features/people/permission-note';
import { DeleteRole } from './delete-role';

const roleLink = (id: string) => `/roles/${encodeURIComponent(id)}`;

function RoleRow({ role: r, total, onDelete }: { role: Role; total: number; onDelete: () => void }) {
  const navigate = useNavigate();
  return (
    <li
      data-role={r.name}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 border-b px-3 py-2 last:border-b-0 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_11rem_8rem_8rem_auto]"
    >
      <div className="min-w-0">
        <Link to={roleLink(r.id)} className="font-medium hover:underline">
          {r.name}
        </Link>
        <span className="block truncate text-12 text-ink-2">{r.description || 'No description'}</span>
      </div>
      <span className="num text-ink-2 max-md:order-last max-md:text-12">
        {r.permissions.length} of {total} permissions
        <span className="mt-0.5 block h-1 overflow-hidden rounded-full bg-surface-2 max-md:hidden" aria-hidden="true">
          <span
            className="block h-full bg-accent"
            style={{ width: `${total > 0 ? (100 * r.permissions.length) / total : 0}%` }}
          />
        </span>
      </span>
      <span className="num text-ink-2 max-md:order-last max-md:text-right max-md:text-12">
        {r.member_count === 0 ? (
          <span className="text-ink-3">nobody</span>
        ) : (
          many(r.member_count, 'person', 'people')
        )}
      </span>
      <span className="text-12 text-ink-3 max-md:hidden">
        {r.is_system ? 'of the system' : <>changed <Ago at={r.updated_at} /></>}
      </span>
      <Menu
        trigger={
          <Button small kind="quiet" aria-label={`Actions for ${r.name}`}>
            <MoreIcon />
          </Button>
        }
      >
        <MenuItem onSelect={() => void navigate(roleLink(r.id))}>
          {r.is_system ? 'See permissions' : 'Edit'}
        </MenuItem>
        <MenuItem onSelect={() => void navigate(`/roles/new?from=${encodeURIComponent(r.id)}`)}>
          Duplicate
        </MenuItem>
        {!r.is_system && (
          <MenuItem danger onSelect={onDelete}>
            Delete
          </MenuItem>
        )}
      </Menu>
    </li>
  );
}

/** The roles that there are: the system's, and the organization's own. */
export default function RolesPage() {
  useTitle('Roles');
  const roles = useRoles();
  const catalogue = useCatalogue();
  const { get, set } = useUrl();
  const [deleting, setDeleting] = useState<Role | null>(null);
  const text = get('q') ?? '';
  const low = text.trim().toLowerCase();
  const all = roles.data ?? [];
  const shown = all.filter((r) =>
    [r.name, r.description, ...r.permissions.map((p) => p.action)].some((x) =>
      x.toLowerCase().includes(low),
    ),
  );
  const own = shown.filter((r) => !r.is_system);
  const system = shown.filter((r) => r.is_system);
  const total = catalogue.data?.length ?? 0;
  const create = (
    <ButtonLink kind="primary" to="/roles/new">
      Create role
    </ButtonLink>
  );
  const list = (items: Role[]) => (
    <ul>
      {items.map((r) => (
        <RoleRow key={r.id} role={r} total={total} onDelete={() => setDeleting(r)} />
      ))}
    </ul>
  );
  return (
    <Gate
      needs={needs.roles}
      otherwise={
        <div className="panel">
          <Empty title="Roles are not shown to you">
            <PermissionNote permission={needs.roles} />
          </Empty>
        </div>
      }
    >
      <PageHeader
        title="Roles"
        facts={
          roles.data && (
            <span>
              {many(all.filter((r) => !r.is_system).length, 'own role')} ·{' '}
              {all.filter((r) => r.is_system).length} of the system
            </span>
          )
        }
        actions={
          <>
            <CopyCall path={callPath('/roles')} />
            {create}
          </>
        }
      />
      <div className="mb-2.5">
        <SearchField
          label="Search roles"
          placeholder="Name, or a permission such as users.invite"
          value={text}
          onChange={(q) => set({ q })}
          className="sm:w-80"
        />
      </div>
      {roles.error && !roles.data ? (
        <div className="panel">
          <Failure error={roles.error} what="Roles" retry={() => void roles.refetch()} />
        </div>
      ) : roles.isPending ? (
        <div className="panel">
          <SkeletonRows rows={6} label="Loading roles" />
        </div>
      ) : shown.length === 0 ? (
        <div className="panel">
          <Empty
            title={`No role is called “${text}” or holds it`}
            action={<Button onClick={() => set({ q: null })}>Show all roles</Button>}
          />
        </div>
      ) : (
        <div className="flex flex-col gap-4">
          <Panel title="Your own">
            {own.length > 0 ? (
              list(own)
            ) : text ? (
              <p className="px-3 py-3 text-ink-2">None fits.</p>
            ) : (
              <Empty title="No role of your own yet" action={create}>
                A role bundles permissions: “Night shift” may acknowledge alerts and nothing more. Begin
                with an empty one, or duplicate one of the system's below and take away what is too
                much. A change holds at once for everybody who has the role.
              </Empty>
            )}
          </Panel>
          {system.length > 0 && (
            <Panel title="Of the system" aside={<span>can be duplicated, not changed</span>}>
              {list(system)}
            </Panel>
          )}
        </div>
      )}
      {deleting && <DeleteRole role={deleting} onClose={() => setDeleting(null)} />}
    </Gate>
  );
}
