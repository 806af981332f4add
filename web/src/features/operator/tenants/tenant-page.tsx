import { useState, type ReactNode } from 'react';
import { useParams } from 'react-router';
import { ApiError } from '@/api/errors';
import { operatorPath, type Tenant } from '@/api/operator';
import { FleetBar } from '@/features/home/fleet-bar';
import { count } from '@/lib/numbers';
import { utc } from '@/lib/time';
import { Button, ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { CopyValue } from '@/ui/copy';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { useCrumbName } from '@/shell/crumb-name';
import { Facts } from '../facts';
import { tenantLink } from '../links';
import { useTenant, useTenantStats, useTiers } from '../queries';
import { useStaff } from '../staff';
import { DangerZone, undoUntil } from './danger-zone';
import { EditTenant } from './edit-tenant';
import { TenantEvents } from './tenant-events';
import { TenantMark } from './tenant-status';
import { TenantPeople } from './tenant-people';
import { TierUse } from './tier-limits';

function TenantFacts({ tenant: t, edit }: { tenant: Tenant; edit: ReactNode }) {
  const address = [
    t.address_line1,
    t.address_line2,
    [t.postal_code, t.city].filter(Boolean).join(' '),
    [t.state_province, t.country].filter(Boolean).join(', '),
  ].filter(Boolean);
  const mail = (to: string | null) =>
    to && (
      <a href={`mailto:${to}`} className="text-accent underline underline-offset-2">
        {to}
      </a>
    );
  return (
    <Panel title="Facts" aside={edit}>
      <Facts
        of={[
          ['Tenant id', <CopyValue key="id" text={t.tenant_id} name="tenant id" />],
          ['Legal name', t.legal_name],
          ['Contact', t.contact_name],
          ['Contact email', mail(t.contact_email)],
          ['Phone', t.phone],
          ['Address', address.length > 0 && address.map((line) => <div key={line}>{line}</div>)],
          ['Industry', t.industry],
          ['Company size', t.company_size],
          ['Data region', t.data_residency_region],
          ['Billing email', mail(t.billing_email)],
          ['Support', t.support_tier],
          ['SLA', t.sla_level !== null && t.sla_level !== undefined && `${t.sla_level} %`],
          ['Stripe customer', t.stripe_customer_id],
          ['Created', <Ago key="created" at={t.created_at} />],
          ['Changed', <Ago key="changed" at={t.updated_at} />],
          ['Deleted', t.deleted_at && <Ago key="deleted" at={t.deleted_at} />],
        ]}
      />
    </Panel>
  );
}

function TenantFleet({ id }: { id: string }) {
  const stats = useTenantStats(id);
  const s = stats.data;
  const offline = s ? Math.max(0, s.devices.active - s.devices.online - s.devices.stale) : 0;
  return (
    <Panel
      title="Fleet"
      aside={
        s && (
          <span>
            last message <Ago at={s.last_device_activity} />
          </span>
        )
      }
    >
      {stats.error && !s ? (
        <Failure error={stats.error} what="Numbers" retry={() => void stats.refetch()} />
      ) : !s ? (
        <SkeletonRows rows={2} label="Loading numbers" />
      ) : (
        <div className="flex flex-col gap-2 px-3 py-2.5">
          {s.devices.total === 0 ? (
            <p className="text-ink-2">No devices yet.</p>
          ) : (
            <>
              <p className="num flex flex-wrap items-baseline gap-x-4">
                <strong>{count(s.devices.active)} in service</strong>
                <span className="text-online">● {count(s.devices.online)} online</span>
                <span className="text-stale">○ {count(s.devices.stale)} stale</span>
                <span className="text-offline">■ {count(offline)} offline</span>
                {s.devices.total > s.devices.active && (
                  <span className="text-ink-3">
                    {count(s.devices.total - s.devices.active)} out of service
                  </span>
                )}
              </p>
              <FleetBar online={s.devices.online} stale={s.devices.stale} offline={offline} />
            </>
          )}
          <p className="num flex flex-wrap gap-x-4 text-ink-2">
            <span>Sites {count(s.sites)}</span>
            <span>Own roles {count(s.roles)}</span>
            <span>API tokens {count(s.api_tokens)}</span>
            <span>Open alerts {count(s.alerts.open)}</span>
          </p>
        </div>
      )}
    </Panel>
  );
}

function TenantTier({ tenant }: { tenant: Tenant }) {
  const tiers = useTiers();
  const stats = useTenantStats(tenant.tenant_id);
  const tier = tiers.data?.find((t) => t.tier_id === tenant.account_tier_id);
  return (
    <Panel title="Tier and limits" aside={tier && <Tag>{tier.name}</Tag>}>
      {tiers.error && !tiers.data ? (
        <Failure error={tiers.error} what="Tiers" retry={() => void tiers.refetch()} />
      ) : tiers.isPending ? (
        <SkeletonRows rows={4} label="Loading limits" />
      ) : !tier ? (
        <p className="px-3 py-3 text-ink-2">No tier: nothing is limited.</p>
      ) : (
        <TierUse tier={tier} used={stats.data ? { users: stats.data.users } : {}} />
      )}
    </Panel>
  );
}

/** Everything about one tenant. */
export default function TenantPage() {
  const id = useParams().tenantId!;
  const tenant = useTenant(id);
  const { admin, why } = useStaff();
  const [editing, setEditing] = useState(false);
  const t = tenant.data;
  useTitle(t?.name ?? id);
  useCrumbName(tenantLink(id), t?.name);
  if (!t) {
    if (tenant.error instanceof ApiError && tenant.error.status === 404)
      return (
        <div className="panel">
          <Empty
            title={`There is no tenant “${id}”`}
            action={<ButtonLink to="/operator/tenants">All tenants</ButtonLink>}
          >
            It never was, or its data is gone after it was deleted.
          </Empty>
        </div>
      );
    if (tenant.error)
      return (
        <div className="panel">
          <Failure error={tenant.error} what="The tenant" retry={() => void tenant.refetch()} />
        </div>
      );
    return (
      <div role="status" aria-label="Loading tenant" className="flex flex-col gap-4">
        <Skeleton className="h-7 w-64" />
        <div className="panel">
          <SkeletonRows rows={8} />
        </div>
      </div>
    );
  }
  const deleted = t.status === 'DELETED';
  const until = undoUntil(t, Date.now());
  const edit = (
    <Button
      small
      disabled={!admin || deleted}
      title={why ?? (deleted ? 'Restore the tenant first.' : undefined)}
      onClick={() => setEditing(true)}
    >
      Edit
    </Button>
  );
  return (
    <>
      <PageHeader
        title={t.name}
        facts={
          <>
            <TenantMark status={t.status} />
            <CopyValue text={t.tenant_id} name="tenant id" />
          </>
        }
        actions={<CopyCall path={operatorPath(`/tenants/${t.tenant_id}`)} />}
      />
      {deleted && (
        <p role="status" className="mb-4 rounded-m border border-warning bg-warning-soft px-3 py-2">
          <strong>Deleted</strong> <Ago at={t.deleted_at} />.{' '}
          {until
            ? `Its data goes on ${utc(until)}; until then it can be restored below.`
            : 'Its data goes within the hour.'}
        </p>
      )}
      {t.status === 'SUSPENDED' && (
        <p role="status" className="mb-4 rounded-m border border-warning bg-warning-soft px-3 py-2">
          <strong>Disabled.</strong> Its people are refused; its devices keep sending.
        </p>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <TenantFleet id={t.tenant_id} />
          <TenantTier tenant={t} />
          <TenantPeople tenant={t} />
          <TenantEvents tenant={t.tenant_id} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <TenantFacts tenant={t} edit={edit} />
          <DangerZone tenant={t} />
        </div>
      </div>
      {editing && <EditTenant tenant={t} onClose={() => setEditing(false)} />}
    </>
  );
}
