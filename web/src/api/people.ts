// The calls about an organization's people: team, roles, tokens, organization, the caller's own, audit.
import { callPath } from './customer';
import { answer, client } from './client';
import type { components } from './schema';

const base = '/api/v1/customer' as const;
type Schemas = components['schemas'];

export type Member = Schemas['DirectoryUser'];
export type Permission = Schemas['Permission'];
export type Role = Schemas['Role'];
export type Assignment = Schemas['Assignment'];
export type MySession = Schemas['OwnSession'];
export type UserSession = Schemas['UserSession'];
export type ApiToken = Schemas['ApiToken'];
export type NewApiToken = Schemas['NewApiToken'];
export type ServiceAccount = Schemas['ServiceAccount'];
export type Organization = Schemas['Organization'];
export type OrganizationPatch = Schemas['UpdateOrganization'];
export type Preferences = Schemas['Preferences'];
export type PreferencesPatch = Schemas['UpdatePreferences'];
export type TierUse = Schemas['TierUse'];
export type LimitUse = Schemas['LimitUse'];
export type AuditEvent = Schemas['AuditRow'];
export type Subscription = Schemas['Subscription'];
export type SubscriptionDetail = Schemas['SubscriptionDetail'];
export type SubscriptionEvent = Schemas['SubscriptionEvent'];
export type InviteInput = Schemas['InviteUser'];
export type RoleInput = Schemas['CreateRole'];
export type TokenInput = Schemas['CreateApiToken'];

/** What the audit log can be asked for. */
export interface AuditFilter {
  search?: string;
  category?: string;
  severity?: string;
  event_type?: string;
  entity_type?: string;
  entity_id?: string;
  actor_id?: string;
  start?: string;
  end?: string;
}

/** The states of a subscription, from its first day to its end. */
export const subscriptionStates = ['TRIAL', 'ACTIVE', 'GRACE', 'SUSPENDED', 'EXPIRED', 'CANCELLED'] as const;
export type SubscriptionStatus = (typeof subscriptionStates)[number];

/** Where a token lives: with the caller, or with a service account. */
export type TokenHome = { account: string } | null;

const user = (user_id: string) => ({ params: { path: { user_id } } });
const role = (role_id: string) => ({ params: { path: { role_id } } });
const token = (token_id: string) => ({ params: { path: { token_id } } });
const accountToken = (account_id: string, token_id: string) => ({
  params: { path: { account_id, token_id } },
});

/** Address of an export of the audit log, for the browser to download. */
export const auditExport = (filter: AuditFilter, format: 'csv' | 'jsonl'): string =>
  callPath('/audit-log/export', { ...filter, format });

export const people = {
  myPermissions: () =>
    answer<{ permissions: string[]; roles: string[] }>(client.GET(`${base}/me/permissions`)),
  catalogue: () =>
    answer<{ permissions: Permission[] }>(client.GET(`${base}/permissions`)).then(
      (r) => r.permissions,
    ),

  members: (search: string, limit: number, offset: number, signal?: AbortSignal) =>
    answer<Schemas['UserList']>(
      client.GET(`${base}/users`, {
        params: { query: search ? { search, limit, offset } : { limit, offset } },
        signal,
      }),
    ),
  subscriptions: (
    query: { q?: string; status?: SubscriptionStatus; include_expired?: boolean; limit: number; offset: number },
    signal?: AbortSignal,
  ) =>
    answer<Schemas['SubscriptionList']>(
      client.GET(`${base}/subscriptions`, { params: { query }, signal }),
    ),
  subscription: (subscription_id: string) =>
    answer<SubscriptionDetail>(
      client.GET(`${base}/subscriptions/{subscription_id}`, { params: { path: { subscription_id } } }),
    ),
  subscriptionHistory: (limit: number, offset: number, signal?: AbortSignal) =>
    answer<Schemas['SubscriptionHistory']>(
      client.GET(`${base}/subscription/audit`, { params: { query: { limit, offset } }, signal }),
    ),

  member: (id: string) => answer<Member>(client.GET(`${base}/users/{user_id}`, user(id))),
  invite: (body: InviteInput) =>
    answer<Schemas['Invited']>(client.POST(`${base}/users/invite`, { body })),
  editMember: (id: string, body: Schemas['UpdateUser']) =>
    answer<unknown>(client.PUT(`${base}/users/{user_id}`, { ...user(id), body })),
  enable: (id: string) => answer<unknown>(client.POST(`${base}/users/{user_id}/enable`, user(id))),
  disable: (id: string) =>
    answer<unknown>(client.POST(`${base}/users/{user_id}/disable`, user(id))),
  remove: (id: string) => answer<unknown>(client.DELETE(`${base}/users/{user_id}`, user(id))),
  sendLink: (id: string) =>
    answer<unknown>(client.POST(`${base}/users/{user_id}/reset-password`, user(id))),
  setAdmin: (id: string, admin: boolean) =>
    answer<unknown>(
      client.POST(`${base}/users/{user_id}/role`, {
        ...user(id),
        body: { role: admin ? 'tenant-admin' : 'customer' },
      }),
    ),
  assignments: (id: string) =>
    answer<{ assignments: Assignment[] }>(
      client.GET(`${base}/users/{user_id}/assignments`, user(id)),
    ).then((r) => r.assignments),
  assign: (id: string, role_ids: string[]) =>
    answer<unknown>(
      client.PUT(`${base}/users/{user_id}/assignments`, { ...user(id), body: { role_ids } }),
    ),
  sessionsOf: (id: string) =>
    answer<{ sessions: UserSession[] }>(
      client.GET(`${base}/users/{user_id}/sessions`, user(id)),
    ).then((r) => r.sessions),
  endSessionsOf: (id: string) =>
    answer<unknown>(client.DELETE(`${base}/users/{user_id}/sessions`, user(id))),

  roles: () => answer<{ roles: Role[] }>(client.GET(`${base}/roles`)).then((r) => r.roles),
  createRole: (body: RoleInput) =>
    answer<{ id: string }>(client.POST(`${base}/roles`, { body })),
  changeRole: (id: string, body: Schemas['UpdateRole']) =>
    answer<unknown>(client.PUT(`${base}/roles/{role_id}`, { ...role(id), body })),
  deleteRole: (role_id: string, reassign_to?: string) =>
    answer<unknown>(
      client.DELETE(`${base}/roles/{role_id}`, {
        params: { path: { role_id }, query: reassign_to ? { reassign_to } : {} },
      }),
    ),

  organization: () => answer<Organization>(client.GET(`${base}/organization`)),
  changeOrganization: (body: OrganizationPatch) =>
    answer<Organization>(client.PUT(`${base}/organization`, { body })),
  limits: () => answer<TierUse>(client.GET(`${base}/limits`)),

  preferences: () => answer<Preferences>(client.GET(`${base}/preferences`)),
  changePreferences: (body: PreferencesPatch) =>
    answer<Preferences>(client.PUT(`${base}/preferences`, { body })),
  mySessions: () =>
    answer<{ sessions: MySession[] }>(client.GET(`${base}/sessions`)).then((r) => r.sessions),
  endSession: (session_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/sessions/{session_id}`, { params: { path: { session_id } } }),
    ),
  endOtherSessions: () => answer<unknown>(client.DELETE(`${base}/sessions`)),

  tokens: () =>
    answer<{ tokens: ApiToken[] }>(client.GET(`${base}/api-tokens`)).then((r) => r.tokens),
  createToken: (home: TokenHome, body: TokenInput) =>
    answer<NewApiToken>(
      home
        ? client.POST(`${base}/service-accounts/{account_id}/tokens`, {
            params: { path: { account_id: home.account } },
            body,
          })
        : client.POST(`${base}/api-tokens`, { body }),
    ),
  rotateToken: (home: TokenHome, id: string) =>
    answer<NewApiToken>(
      home
        ? client.POST(
            `${base}/service-accounts/{account_id}/tokens/{token_id}/rotate`,
            accountToken(home.account, id),
          )
        : client.POST(`${base}/api-tokens/{token_id}/rotate`, token(id)),
    ),
  revokeToken: (home: TokenHome, id: string) =>
    answer<unknown>(
      home
        ? client.DELETE(
            `${base}/service-accounts/{account_id}/tokens/{token_id}`,
            accountToken(home.account, id),
          )
        : client.DELETE(`${base}/api-tokens/{token_id}`, token(id)),
    ),
  serviceAccounts: () =>
    answer<{ service_accounts: ServiceAccount[] }>(client.GET(`${base}/service-accounts`)).then(
      (r) => r.service_accounts,
    ),
  createServiceAccount: (body: Schemas['CreateAccount']) =>
    answer<ServiceAccount>(client.POST(`${base}/service-accounts`, { body })),
  changeServiceAccount: (account_id: string, body: Schemas['UpdateAccount']) =>
    answer<unknown>(
      client.PATCH(`${base}/service-accounts/{account_id}`, {
        params: { path: { account_id } },
        body,
      }),
    ),
  deleteServiceAccount: (account_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/service-accounts/{account_id}`, { params: { path: { account_id } } }),
    ),

  auditLog: (filter: AuditFilter, limit: number, offset: number, signal?: AbortSignal) =>
    answer<Schemas['AuditPage']>(
      client.GET(`${base}/audit-log`, { params: { query: { ...filter, limit, offset } }, signal }),
    ),
};
