// The operator endpoints that the pages use, one function each. Each look leaves a line in the log of
// platform staff, so nothing here is asked without need.
import { withQuery, type QueryValues } from './call-path';
import { answer, client } from './client';

const base = '/api/v1/operator' as const;

export type TenantStatus = 'ACTIVE' | 'SUSPENDED' | 'DELETED';

/** What an operator may say of a tenant. */
export interface TenantFields {
  contact_email: string | null;
  contact_name: string | null;
  legal_name: string | null;
  phone: string | null;
  industry: string | null;
  company_size: string | null;
  address_line1: string | null;
  address_line2: string | null;
  city: string | null;
  state_province: string | null;
  postal_code: string | null;
  country: string | null;
  data_residency_region: string | null;
  support_tier: string | null;
  billing_email: string | null;
  stripe_customer_id: string | null;
  account_tier_id: string | null;
  sla_level: number | null;
}

export interface Tenant extends TenantFields {
  tenant_id: string;
  name: string;
  status: TenantStatus;
  created_at: string;
  updated_at: string;
  deleted_at?: string | null;
  /** When a deleted tenant's data goes. */
  purge_after?: string | null;
}

export interface TenantSummary {
  tenant_id: string;
  device_count: number;
  online_count: number;
  open_alerts: number;
  /** Null where the directory can't count. */
  user_count?: number | null;
  last_activity?: string | null;
}

export interface TenantStats {
  tenant_id: string;
  stats: {
    devices: { total: number; active: number; online: number; stale: number };
    alerts: { open: number };
    users: number;
    sites: number;
    roles: number;
    api_tokens: number;
    last_device_activity?: string | null;
  };
}

export interface AccountTier {
  tier_id: string;
  name: string;
  description: string;
  limits: Record<string, number>;
  features: Record<string, boolean>;
  is_active: boolean;
}

export type RealmRole = 'customer' | 'tenant-admin' | 'operator' | 'operator-admin';

/** A person as the directory knows them. */
export interface Person {
  id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  enabled: boolean;
  email_verified: boolean;
  /** Epoch milliseconds. */
  created_at?: number | null;
  tenant_id?: string | null;
  roles: RealmRole[];
}

export interface PersonSession {
  id: string;
  ip_address: string;
  client: string;
  user_agent: string;
  started_at?: string | null;
  last_used_at?: string | null;
}

/** A line of the log of platform staff. */
export interface StaffLine {
  id: number;
  user_id: string;
  user_name?: string | null;
  action: string;
  tenant_filter?: string | null;
  resource_type?: string | null;
  resource_id?: string | null;
  ip_address?: string | null;
  user_agent?: string | null;
  request_id?: string | null;
  created_at: string;
}

export interface StaffFilter {
  user_id?: string;
  action?: string;
  tenant_id?: string;
  start?: string;
  end?: string;
  search?: string;
}

/** A line of the audit log: what happened, in which tenant, by whom. */
export interface AuditEvent {
  timestamp: string;
  tenant_id?: string | null;
  event_type: string;
  category: string;
  severity: string;
  entity_type?: string | null;
  entity_id?: string | null;
  entity_name?: string | null;
  action: string;
  message: string;
  /** With `before` and `after` where something was changed. */
  details?: Record<string, unknown> | null;
  source_service: string;
  actor_type?: string | null;
  actor_id?: string | null;
  actor_name?: string | null;
  ip_address?: string | null;
  request_id?: string | null;
}

export interface EventFilter {
  category?: string;
  severity?: string;
  event_type?: string;
  entity_type?: string;
  entity_id?: string;
  actor_id?: string;
  tenant_id?: string;
  start?: string;
  end?: string;
  search?: string;
}

export interface NewPerson {
  username: string;
  email: string;
  first_name?: string;
  last_name?: string;
  temporary_password?: string;
  tenant_id?: string;
  role: RealmRole;
}

type Said = { message: string };
const tenant = (tenant_id: string) => ({ params: { path: { tenant_id } } });
const user = (user_id: string) => ({ params: { path: { user_id } } });

/** All pages of a list, one after another: there is no telling a part from the whole on a page. */
async function every<T>(
  page: (limit: number, offset: number) => Promise<{ rows: T[]; total: number }>,
): Promise<T[]> {
  const limit = 500;
  const out: T[] = [];
  for (;;) {
    const { rows, total } = await page(limit, out.length);
    out.push(...rows);
    if (rows.length < limit || out.length >= total) return out;
  }
}

export const operatorApi = {
  /** All of them, suspended and deleted ones too. */
  tenants: (signal?: AbortSignal) =>
    every((limit, offset) =>
      answer<{ tenants: Tenant[]; total: number }>(
        client.GET(`${base}/tenants`, {
          params: { query: { status: 'ALL', limit, offset } },
          signal,
        }),
      ).then((r) => ({ rows: r.tenants, total: r.total })),
    ),
  tenantSummaries: () =>
    answer<{ tenants: TenantSummary[] }>(client.GET(`${base}/tenants/stats/summary`)).then(
      (r) => r.tenants,
    ),
  tenant: (id: string) => answer<Tenant>(client.GET(`${base}/tenants/{tenant_id}`, tenant(id))),
  tenantStats: (id: string) =>
    answer<TenantStats>(client.GET(`${base}/tenants/{tenant_id}/stats`, tenant(id))).then(
      (r) => r.stats,
    ),
  tiers: () =>
    answer<{ tiers: AccountTier[] }>(client.GET(`${base}/account-tiers`)).then((r) => r.tiers),
  createTenant: (body: { tenant_id: string; name: string } & Partial<TenantFields>) =>
    answer<unknown>(client.POST(`${base}/tenants`, { body })),
  updateTenant: (
    id: string,
    body: Partial<TenantFields> & { name?: string; status?: 'ACTIVE' | 'SUSPENDED' },
  ) => answer<unknown>(client.PATCH(`${base}/tenants/{tenant_id}`, { ...tenant(id), body })),
  deleteTenant: (id: string) =>
    answer<unknown>(client.DELETE(`${base}/tenants/{tenant_id}`, tenant(id))),
  restoreTenant: (id: string) =>
    answer<unknown>(client.POST(`${base}/tenants/{tenant_id}/restore`, tenant(id))),
  purgeTenant: (id: string) =>
    answer<unknown>(client.POST(`${base}/tenants/{tenant_id}/purge`, tenant(id))),
  invite: (
    id: string,
    body: {
      email: string;
      first_name?: string;
      last_name?: string;
      role?: 'customer' | 'tenant-admin';
    },
  ) =>
    answer<{ id: string; username: string; email: string }>(
      client.POST(`${base}/tenants/{tenant_id}/invite`, { ...tenant(id), body }),
    ),

  /** A page of people; the server looks in names, usernames and emails. */
  people: (
    query: { search?: string; tenant_filter?: string },
    limit: number,
    offset: number,
    signal?: AbortSignal,
  ) =>
    answer<{ users: Person[]; total: number }>(
      client.GET(`${base}/users`, { params: { query: { ...query, limit, offset } }, signal }),
    ),
  allPeople: (query: { search?: string; tenant_filter?: string }, signal?: AbortSignal) =>
    every((limit, offset) =>
      operatorApi
        .people(query, limit, offset, signal)
        .then((r) => ({ rows: r.users, total: r.total })),
    ),
  person: (id: string) => answer<Person>(client.GET(`${base}/users/{user_id}`, user(id))),
  createPerson: (body: NewPerson) =>
    answer<{ id: string; username: string }>(client.POST(`${base}/users`, { body })),
  updatePerson: (id: string, body: { first_name?: string; last_name?: string; email?: string }) =>
    answer<Said>(client.PUT(`${base}/users/{user_id}`, { ...user(id), body })),
  deletePerson: (id: string) =>
    answer<Said>(client.DELETE(`${base}/users/{user_id}`, user(id))),
  enablePerson: (id: string) =>
    answer<Said>(client.POST(`${base}/users/{user_id}/enable`, user(id))),
  disablePerson: (id: string) =>
    answer<Said>(client.POST(`${base}/users/{user_id}/disable`, user(id))),
  giveRole: (id: string, role: RealmRole) =>
    answer<Said>(client.POST(`${base}/users/{user_id}/roles`, { ...user(id), body: { role } })),
  takeRole: (user_id: string, role_name: RealmRole) =>
    answer<Said>(
      client.DELETE(`${base}/users/{user_id}/roles/{role_name}`, {
        params: { path: { user_id, role_name } },
      }),
    ),
  moveToTenant: (id: string, tenant_id: string) =>
    answer<Said>(
      client.POST(`${base}/users/{user_id}/tenant`, { ...user(id), body: { tenant_id } }),
    ),
  sendPasswordLink: (id: string) =>
    answer<Said>(client.POST(`${base}/users/{user_id}/reset-password`, user(id))),
  sendWelcome: (id: string) =>
    answer<Said>(client.POST(`${base}/users/{user_id}/send-welcome-email`, user(id))),
  setPassword: (id: string, password: string, temporary: boolean) =>
    answer<Said>(
      client.POST(`${base}/users/{user_id}/password`, {
        ...user(id),
        body: { password, temporary },
      }),
    ),
  sessions: (id: string) =>
    answer<{ sessions: PersonSession[] }>(
      client.GET(`${base}/users/{user_id}/sessions`, user(id)),
    ).then((r) => r.sessions),
  endSession: (user_id: string, session_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/users/{user_id}/sessions/{session_id}`, {
        params: { path: { user_id, session_id } },
      }),
    ),
  endSessions: (id: string) =>
    answer<unknown>(client.DELETE(`${base}/users/{user_id}/sessions`, user(id))),

  /** What happened in tenants and on the platform, newest first. */
  events: (filter: EventFilter, limit: number, offset: number, signal?: AbortSignal) =>
    answer<{ events: AuditEvent[]; total: number }>(
      client.GET(`${base}/audit-log`, { params: { query: { ...filter, limit, offset } }, signal }),
    ),
  /** What staff did and looked at. */
  staffLog: (filter: StaffFilter, limit: number, offset: number, signal?: AbortSignal) =>
    answer<{ entries: StaffLine[]; total: number }>(
      client.GET(`${base}/audit-log`, {
        params: { query: { ...filter, source: 'operator', limit, offset } },
        signal,
      }),
    ),
};

/** Path and query of an operator's question to the API, for people who ask it themselves. */
export const operatorPath = (path: string, query?: QueryValues): string =>
  withQuery(`${base}${path}`, query);
