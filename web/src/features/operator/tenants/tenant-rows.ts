// The list of tenants: each with its counts, narrowed by what the address says.
import type { Tenant, TenantStatus, TenantSummary } from '@/api/operator';

/** A tenant with its counts; they are missing while they load, and of deleted ones. */
export interface TenantRow extends Tenant {
  counts: TenantSummary | null;
}

export interface TenantFilter {
  q: string;
  /** `LIVE`: all but deleted ones. */
  status: TenantStatus | 'LIVE' | 'ALL';
  tier: string | null;
}

/** The filter that an address holds. */
export function filterOf(get: (name: string) => string | null): TenantFilter {
  const status = get('status')?.toUpperCase();
  return {
    q: get('q') ?? '',
    status:
      status === 'ACTIVE' || status === 'SUSPENDED' || status === 'DELETED' || status === 'ALL'
        ? status
        : 'LIVE',
    tier: get('tier'),
  };
}

/** Tenants with their counts, by id. */
export function withCounts(
  tenants: readonly Tenant[],
  summaries: readonly TenantSummary[] | undefined,
): TenantRow[] {
  const byId = new Map((summaries ?? []).map((s) => [s.tenant_id, s]));
  return tenants.map((t) => ({ ...t, counts: byId.get(t.tenant_id) ?? null }));
}

/** Those that a filter leaves: words may stand in name, id, legal name or contact. */
export function matching(rows: readonly TenantRow[], f: TenantFilter): TenantRow[] {
  const words = f.q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((t) => {
    if (f.status === 'LIVE' ? t.status === 'DELETED' : f.status !== 'ALL' && t.status !== f.status)
      return false;
    if (f.tier && t.account_tier_id !== f.tier) return false;
    const text = [t.name, t.tenant_id, t.legal_name, t.contact_email, t.contact_name]
      .filter(Boolean)
      .join('\n')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What may be said of an id: it stands in topics, addresses and the directory. */
export function tenantIdFault(id: string): string | false {
  if (id === '') return 'Give an id.';
  if (id.length < 2 || id.length > 64) return 'From 2 to 64 characters.';
  if (!/^[a-z0-9-]+$/.test(id)) return 'Lower-case letters, digits and hyphens only.';
  if (id.startsWith('-') || id.endsWith('-')) return 'No hyphen at the beginning or end.';
  return false;
}
