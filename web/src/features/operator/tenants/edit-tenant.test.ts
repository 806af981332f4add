import { expect, it } from 'vitest';
import type { Tenant } from '@/api/operator';
import { changesOf, groups } from './edit-tenant';

const tenant = { name: 'Acme', account_tier_id: 'free', city: 'Hamburg', phone: null } as Tenant;
const values = (more: Record<string, string>) =>
  ({
    ...Object.fromEntries(groups.flatMap(([, fields]) => fields.map(([name]) => [name, '']))),
    name: 'Acme',
    account_tier_id: 'free',
    city: 'Hamburg',
    ...more,
  }) as never;

it('sends only what differs, and clears what was emptied', () => {
  expect(changesOf(tenant, values({}))).toEqual({});
  expect(changesOf(tenant, values({ city: '', phone: ' 1 ', account_tier_id: 'growth' }))).toEqual({
    city: null,
    phone: '1',
    account_tier_id: 'growth',
  });
});
