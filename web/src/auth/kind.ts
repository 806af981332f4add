import type { User } from '@/api/types';

/** Whom the application is for: people of a tenant, or those who run the platform. */
export type CallerKind = 'customer' | 'operator';

/** What a signed-in user is here; null: neither, and there is nothing to show. */
export function kindOf(user: Pick<User, 'role' | 'tenant_id' | 'realm_access'>): CallerKind | null {
  const roles = new Set([...(user.realm_access?.roles ?? []), user.role ?? '']);
  if (user.tenant_id && (roles.has('customer') || roles.has('tenant-admin'))) return 'customer';
  return roles.has('operator') || roles.has('operator-admin') ? 'operator' : null;
}
