// The list of people: all tenants and staff, narrowed by what the address says.
import type { Person, RealmRole } from '@/api/operator';
import { fullName } from './person-mark';

export interface PeopleFilter {
  q: string;
  tenant: string | null;
  role: RealmRole | null;
  enabled: boolean | null;
}

const roles = new Set<string>(['customer', 'tenant-admin', 'operator', 'operator-admin']);

/** The filter that an address holds. */
export function filterOf(get: (name: string) => string | null): PeopleFilter {
  const role = get('role');
  const state = get('state');
  return {
    q: get('q') ?? '',
    tenant: get('tenant'),
    role: role && roles.has(role) ? (role as RealmRole) : null,
    enabled: state === 'enabled' ? true : state === 'disabled' ? false : null,
  };
}

/** Those that a filter leaves; the tenant is the server's business. `customer` means: no more than that. */
export function matching(people: readonly Person[], f: PeopleFilter): Person[] {
  const words = f.q.toLowerCase().split(/\s+/).filter(Boolean);
  return people.filter((p) => {
    if (f.enabled !== null && p.enabled !== f.enabled) return false;
    if (f.role === 'customer') {
      if (!p.roles.includes('customer') || p.roles.length > 1) return false;
    } else if (f.role === 'operator') {
      if (!p.roles.includes('operator') && !p.roles.includes('operator-admin')) return false;
    } else if (f.role && !p.roles.includes(f.role)) return false;
    const text = [fullName(p), p.username, p.email, p.tenant_id].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
