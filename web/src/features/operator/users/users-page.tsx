import { useCallback, useMemo } from 'react';
import { Link } from 'react-router';
import { operatorPath, type Person } from '@/api/operator';
import { csv, download } from '@/lib/csv';
import { count } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { DataTable, sorted, type Column } from '@/ui/data-table';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { personLink, tenantLink } from '../links';
import { usePeople, useTenants } from '../queries';
import { useStaff } from '../staff';
import { CreatePerson } from './create-person';
import { fullName, PersonMark, roleNames, topRole } from './person-mark';
import { filterOf, matching } from './person-rows';

const roleOf = (p: Person) => {
  const role = topRole(p.roles);
  return role ? roleNames[role] : null;
};
const created = (p: Person) => (p.created_at ? new Date(p.created_at).toISOString() : null);

function columnsOf(tenantNames: Map<string, string>): Column<Person>[] {
  return [
    {
      id: 'name',
      label: 'Name',
      width: 200,
      grows: 2,
      by: fullName,
      cell: (p) => (
        <span className="flex items-baseline gap-2">
          <Link to={personLink(p.id)} className="truncate font-medium hover:underline">
            {fullName(p)}
          </Link>
          {fullName(p) !== p.username && p.username !== p.email && (
            <span className="min-w-0 shrink-[20] truncate font-mono text-12 text-ink-3">{p.username}</span>
          )}
        </span>
      ),
    },
    { id: 'email', label: 'Email', width: 220, grows: 2, by: (p) => p.email, cell: (p) => p.email },
    {
      id: 'tenant',
      label: 'Tenant',
      width: 170,
      grows: 1,
      by: (p) => tenantNames.get(p.tenant_id ?? '') ?? p.tenant_id,
      cell: (p) =>
        p.tenant_id ? (
          <Link to={tenantLink(p.tenant_id)} className="hover:underline">
            {tenantNames.get(p.tenant_id) ?? p.tenant_id}
          </Link>
        ) : (
          <span className="text-ink-3">
            {p.roles.some((r) => r.startsWith('operator')) ? 'Staff' : 'None'}
          </span>
        ),
    },
    {
      id: 'role',
      label: 'Role',
      width: 132,
      by: roleOf,
      cell: (p) => roleOf(p) ?? <span className="text-ink-3">No role</span>,
    },
    {
      id: 'state',
      label: 'State',
      width: 110,
      by: (p) => (p.enabled ? 'Enabled' : 'Disabled'),
      cell: (p) => <PersonMark enabled={p.enabled} />,
    },
    { id: 'created', label: 'Created', width: 108, by: created, cell: (p) => <Ago at={created(p)} /> },
  ];
}

function Choice({
  label,
  value,
  none,
  options,
  onChange,
}: {
  label: string;
  value: string | null;
  none: string;
  options: [string, string][];
  onChange: (value: string) => void;
}) {
  return (
    <select
      aria-label={label}
      value={value ?? ''}
      onChange={(e) => onChange(e.target.value)}
      className="h-8 max-w-56 rounded-m border border-line-strong bg-surface px-2"
    >
      <option value="">{none}</option>
      {options.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** The people of all tenants, and staff. */
export default function UsersPage() {
  useTitle('Users');
  const { admin, why } = useStaff();
  const { get, set } = useUrl();
  const filter = filterOf(get);
  const people = usePeople(filter.tenant);
  const tenants = useTenants();
  const tenantNames = useMemo(
    () => new Map((tenants.data ?? []).map((t) => [t.tenant_id, t.name])),
    [tenants.data],
  );
  const columns = useMemo(() => columnsOf(tenantNames), [tenantNames]);
  const sort = get('sort');
  const all = people.data ?? [];
  const shown = sorted(matching(all, filter), columns, sort);
  const search = useCallback((q: string) => set({ q }), [set]);
  const disabled = all.filter((p) => !p.enabled).length;
  const filtered = filter.q !== '' || filter.role !== null || filter.enabled !== null;
  const create = (
    <Button kind="primary" disabled={!admin} title={why} onClick={() => set({ new: '1' }, false)}>
      Create user
    </Button>
  );
  const save = () =>
    download(
      'users.csv',
      csv(
        ['id', 'username', ...columns.map((c) => c.label)],
        shown.map((p) => [p.id, p.username, ...columns.map((c) => c.by?.(p))]),
      ),
    );
  const nameOfTenant = filter.tenant && (tenantNames.get(filter.tenant) ?? filter.tenant);
  return (
    <>
      <PageHeader
        title="Users"
        facts={
          people.data && (
            <span>
              {count(all.length)}
              {nameOfTenant && ` in ${nameOfTenant}`}
              {disabled > 0 && ` · ${count(disabled)} disabled`}
            </span>
          )
        }
        actions={
          <>
            <CopyCall path={operatorPath('/users', { tenant_filter: filter.tenant })} />
            <Button className="max-sm:hidden" disabled={shown.length === 0} onClick={save}>
              Export CSV
            </Button>
            {create}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search users"
          placeholder="Name, email or tenant"
          value={filter.q}
          onChange={search}
        />
        <Choice
          label="Tenant"
          none="All tenants"
          value={filter.tenant}
          options={(tenants.data ?? []).map((t) => [t.tenant_id, t.name])}
          onChange={(tenant) => set({ tenant })}
        />
        <Choice
          label="Role"
          none="All roles"
          value={filter.role}
          options={Object.entries(roleNames)}
          onChange={(role) => set({ role })}
        />
        <Choice
          label="State"
          none="Enabled or not"
          value={filter.enabled === null ? null : filter.enabled ? 'enabled' : 'disabled'}
          options={[
            ['enabled', 'Enabled'],
            ['disabled', 'Disabled'],
          ]}
          onChange={(state) => set({ state })}
        />
        {filtered && people.data && (
          <span className="num text-ink-2" role="status">
            {count(shown.length)} shown
          </span>
        )}
      </div>
      <div className="panel overflow-hidden">
        {people.error && !people.data ? (
          <Failure error={people.error} what="Users" retry={() => void people.refetch()} />
        ) : people.isPending ? (
          <SkeletonRows rows={10} label="Loading users" />
        ) : shown.length === 0 ? (
          <Empty
            title={filtered ? 'Nobody fits' : nameOfTenant ? `Nobody in ${nameOfTenant}` : 'Nobody yet'}
            action={
              filtered || filter.tenant ? (
                <Button onClick={() => set({ q: null, role: null, state: null, tenant: null })}>
                  Show everybody
                </Button>
              ) : (
                create
              )
            }
          >
            {!filtered &&
              'People come by invitation: administrators of a tenant invite their own, and you invite the first administrator from the page of the tenant.'}
          </Empty>
        ) : (
          <DataTable
            label="Users"
            rows={shown}
            columns={columns}
            keyOf={(p) => p.id}
            to={(p) => personLink(p.id)}
            sort={sort}
            onSort={(next) => set({ sort: next })}
            narrow={(p) => (
              <>
                <span className="flex items-baseline justify-between gap-3">
                  <span className="truncate font-medium">{fullName(p)}</span>
                  <PersonMark enabled={p.enabled} />
                </span>
                <span className="flex items-baseline justify-between gap-3 text-12 text-ink-2">
                  <span className="truncate">{p.email}</span>
                  <span className="shrink-0">{roleOf(p) ?? 'No role'}</span>
                </span>
              </>
            )}
          />
        )}
      </div>
      {get('new') === '1' && admin && (
        <CreatePerson tenant={filter.tenant} onClose={() => set({ new: null })} />
      )}
    </>
  );
}
