import { useCallback, useMemo } from 'react';
import { Link } from 'react-router';
import { operatorPath, type AccountTier } from '@/api/operator';
import { FleetBar } from '@/features/home/fleet-bar';
import { csv, download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { DataTable, sorted, type Column } from '@/ui/data-table';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { tenantLink } from '../links';
import { useTenants, useTenantSummaries, useTiers } from '../queries';
import { useStaff } from '../staff';
import { CreateTenant } from './create-tenant';
import { filterOf, matching, withCounts, type TenantRow } from './tenant-rows';
import { statusWord, TenantMark } from './tenant-status';

const none = <span className="text-ink-3">–</span>;
const number = (n: number | null | undefined) => (n === null || n === undefined ? none : count(n));

function columnsOf(tierNames: Map<string, string>): Column<TenantRow>[] {
  const tier = (t: TenantRow) => tierNames.get(t.account_tier_id ?? '') ?? t.account_tier_id;
  return [
    {
      id: 'name',
      label: 'Tenant',
      width: 240,
      grows: 2,
      by: (t) => t.name,
      cell: (t) => (
        <span className="flex items-baseline gap-2">
          <Link to={tenantLink(t.tenant_id)} className="truncate font-medium hover:underline">
            {t.name}
          </Link>
          <span className="min-w-0 shrink-[20] truncate font-mono text-12 text-ink-3">
            {t.tenant_id}
          </span>
        </span>
      ),
    },
    {
      id: 'status',
      label: 'Status',
      width: 116,
      by: (t) => statusWord(t.status),
      cell: (t) => <TenantMark status={t.status} />,
    },
    { id: 'tier', label: 'Tier', width: 116, by: tier, cell: (t) => tier(t) ?? none },
    {
      id: 'users',
      label: 'People',
      width: 92,
      end: true,
      by: (t) => t.counts?.user_count,
      cell: (t) => number(t.counts?.user_count),
    },
    {
      id: 'devices',
      label: 'Devices',
      width: 96,
      end: true,
      by: (t) => t.counts?.device_count,
      cell: (t) => number(t.counts?.device_count),
    },
    {
      id: 'online',
      label: 'Online',
      width: 150,
      grows: 1,
      by: (t) =>
        t.counts && t.counts.device_count > 0
          ? t.counts.online_count / t.counts.device_count
          : null,
      cell: (t) =>
        t.counts && t.counts.device_count > 0 ? (
          <span className="grid grid-cols-[3rem_minmax(3rem,1fr)] items-center gap-2">
            <span className="num text-right">{count(t.counts.online_count)}</span>
            <FleetBar
              online={t.counts.online_count}
              stale={0}
              offline={t.counts.device_count - t.counts.online_count}
            />
          </span>
        ) : (
          none
        ),
    },
    {
      id: 'activity',
      label: 'Last message',
      width: 120,
      by: (t) => t.counts?.last_activity,
      cell: (t) => <Ago at={t.counts?.last_activity} never="–" />,
    },
    {
      id: 'created',
      label: 'Created',
      width: 108,
      by: (t) => t.created_at,
      cell: (t) => <Ago at={t.created_at} />,
    },
  ];
}

function Narrow({ tenant: t, tiers }: { tenant: TenantRow; tiers: Map<string, string> }) {
  return (
    <>
      <span className="flex items-baseline justify-between gap-3">
        <span className="truncate font-medium">{t.name}</span>
        <TenantMark status={t.status} />
      </span>
      <span className="num flex items-baseline justify-between gap-3 text-12 text-ink-2">
        <span className="truncate">
          {t.counts
            ? `${many(t.counts.device_count, 'device')}, ${count(t.counts.online_count)} online`
            : t.tenant_id}
        </span>
        <span>{tiers.get(t.account_tier_id ?? '') ?? t.account_tier_id}</span>
      </span>
    </>
  );
}

function TierFilter({
  tiers,
  value,
  onChange,
}: {
  tiers: AccountTier[];
  value: string;
  onChange: (tier: string) => void;
}) {
  return (
    <select
      aria-label="Tier"
      value={value}
      onChange={(e) => onChange(e.target.value)}
      className="h-8 rounded-m border border-line-strong bg-surface px-2"
    >
      <option value="">All tiers</option>
      {tiers.map((t) => (
        <option key={t.tier_id} value={t.tier_id}>
          {t.name}
        </option>
      ))}
    </select>
  );
}

/** Every tenant of the platform. */
export default function TenantsPage() {
  useTitle('Tenants');
  const { admin, why } = useStaff();
  const { get, set } = useUrl();
  const tenants = useTenants();
  const summaries = useTenantSummaries();
  const tiers = useTiers();
  const tierNames = useMemo(
    () => new Map((tiers.data ?? []).map((t) => [t.tier_id, t.name])),
    [tiers.data],
  );
  const columns = useMemo(() => columnsOf(tierNames), [tierNames]);
  const all = useMemo(
    () => withCounts(tenants.data ?? [], summaries.data),
    [tenants.data, summaries.data],
  );
  const filter = filterOf(get);
  const sort = get('sort');
  const shown = sorted(matching(all, filter), columns, sort);
  const search = useCallback((q: string) => set({ q }), [set]);
  const live = all.filter((t) => t.status !== 'DELETED');
  const disabled = live.filter((t) => t.status === 'SUSPENDED').length;
  const devices = (summaries.data ?? []).reduce((sum, t) => sum + t.device_count, 0);
  const filtered = filter.q !== '' || filter.tier !== null || filter.status !== 'LIVE';
  const create = (
    <Button
      kind="primary"
      disabled={!admin}
      title={why}
      onClick={() => set({ new: '1' }, false)}
    >
      Create tenant
    </Button>
  );
  const save = () =>
    download(
      'tenants.csv',
      csv(
        ['tenant_id', ...columns.map((c) => c.label)],
        shown.map((t) => [t.tenant_id, ...columns.map((c) => c.by?.(t))]),
      ),
    );
  return (
    <>
      <PageHeader
        title="Tenants"
        facts={
          tenants.data && (
            <span>
              {count(live.length)}
              {disabled > 0 && ` · ${count(disabled)} disabled`}
              {summaries.data && ` · ${many(devices, 'device')}`}
            </span>
          )
        }
        actions={
          <>
            <CopyCall path={operatorPath('/tenants', { status: 'ALL' })} />
            <Button className="max-sm:hidden" disabled={shown.length === 0} onClick={save}>
              Export CSV
            </Button>
            {create}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search tenants"
          placeholder="Name, id or contact"
          value={filter.q}
          onChange={search}
        />
        <Segmented
          label="Status"
          className="max-sm:w-full"
          value={filter.status}
          onChange={(v) => set({ status: v === 'LIVE' ? null : v.toLowerCase() })}
          options={[
            { value: 'LIVE', label: 'In use' },
            { value: 'ACTIVE', label: 'Active' },
            { value: 'SUSPENDED', label: 'Disabled' },
            { value: 'DELETED', label: 'Deleted' },
          ]}
        />
        <TierFilter
          tiers={tiers.data ?? []}
          value={filter.tier ?? ''}
          onChange={(tier) => set({ tier })}
        />
        {filtered && tenants.data && (
          <span className="num text-ink-2" role="status">
            {count(shown.length)} shown
          </span>
        )}
      </div>
      <div className="panel overflow-hidden">
        {tenants.error && !tenants.data ? (
          <Failure error={tenants.error} what="Tenants" retry={() => void tenants.refetch()} />
        ) : tenants.isPending ? (
          <SkeletonRows rows={10} label="Loading tenants" />
        ) : live.length === 0 && !filtered ? (
          <Empty title="No tenants yet" action={create}>
            A tenant is a company that uses Pulse: its people, devices and data stand apart from
            everybody else's. Create one and invite its first administrator in the same step.
          </Empty>
        ) : shown.length === 0 ? (
          <Empty
            title="No tenant fits"
            action={
              <Button onClick={() => set({ q: null, status: null, tier: null })}>
                Show all tenants
              </Button>
            }
          >
            {filter.status === 'DELETED' &&
              'Deleted tenants stand here for 30 days and can be restored meanwhile.'}
          </Empty>
        ) : (
          <DataTable
            label="Tenants"
            rows={shown}
            columns={columns}
            keyOf={(t) => t.tenant_id}
            to={(t) => tenantLink(t.tenant_id)}
            sort={sort}
            onSort={(next) => set({ sort: next })}
            narrow={(t) => <Narrow tenant={t} tiers={tierNames} />}
          />
        )}
      </div>
      {get('new') === '1' && admin && <CreateTenant onClose={() => set({ new: null })} />}
    </>
  );
}
