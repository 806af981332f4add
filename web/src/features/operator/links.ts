// Where tenants and people of the platform have their pages.
import type { EventLinks } from '@/features/audit/event-parts';

export const tenantLink = (id: string): string => `/operator/tenants/${encodeURIComponent(id)}`;
export const personLink = (id: string): string => `/operator/users/${encodeURIComponent(id)}`;
/** The people of a tenant. */
export const peopleOf = (tenant: string): string =>
  `/operator/users?tenant=${encodeURIComponent(tenant)}`;

/** Where what an event names has its page. */
export const operatorLinks: EventLinks = {
  person: personLink,
  tenant: tenantLink,
  thing: (type, id) =>
    type === 'user' ? personLink(id) : type === 'tenant' ? tenantLink(id) : null,
};
