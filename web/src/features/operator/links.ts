// Where tenants and people of the platform have their pages.

export const tenantLink = (id: string): string => `/operator/tenants/${encodeURIComponent(id)}`;
export const personLink = (id: string): string => `/operator/users/${encodeURIComponent(id)}`;
/** The people of a tenant. */
export const peopleOf = (tenant: string): string =>
  `/operator/users?tenant=${encodeURIComponent(tenant)}`;
