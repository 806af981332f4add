import { expect, it } from 'vitest';
import type { Tenant } from '@/api/operator';
import { filterOf, matching, tenantIdFault, withCounts } from './tenant-rows';

const tenant = (tenant_id: string, more: Partial<Tenant> = {}) =>
  ({ tenant_id, name: tenant_id, status: 'ACTIVE', account_tier_id: 'free', ...more }) as Tenant;
const rows = withCounts(
  [
    tenant('acme', { name: 'Acme Cold Chain', contact_email: 'kay@acme.example' }),
    tenant('polar', { status: 'SUSPENDED', account_tier_id: 'growth' }),
    tenant('gone', { status: 'DELETED' }),
  ],
  [{ tenant_id: 'acme', device_count: 3, online_count: 2, open_alerts: 0 }],
);
const ids = (query: string) => {
  const params = new URLSearchParams(query);
  return matching(rows, filterOf((name) => params.get(name))).map((t) => t.tenant_id);
};

it('leaves deleted tenants out until asked for', () => {
  expect(ids('')).toEqual(['acme', 'polar']);
  expect(ids('status=deleted')).toEqual(['gone']);
  expect(ids('status=all')).toEqual(['acme', 'polar', 'gone']);
  expect(ids('status=suspended')).toEqual(['polar']);
});

it('narrows by tier and by words in any order', () => {
  expect(ids('tier=growth')).toEqual(['polar']);
  expect(ids('q=chain+ACME')).toEqual(['acme']);
  expect(ids('q=kay%40')).toEqual(['acme']);
  expect(ids('q=nobody')).toEqual([]);
});

it('puts counts to their tenants', () => {
  expect(rows.map((t) => t.counts?.device_count ?? null)).toEqual([3, null, null]);
});

it('says what is wrong with an id', () => {
  expect(tenantIdFault('acme-2')).toBe(false);
  for (const bad of ['', 'a', 'Acme', 'a_b', '-a', 'a-', 'x'.repeat(65)])
    expect(tenantIdFault(bad)).toBeTruthy();
});
