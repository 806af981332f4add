import { expect, it } from 'vitest';
import { kindOf } from './kind';
import { mayGoToForm } from './to-form';

it('knows people of a tenant from those who run the platform', () => {
  expect(kindOf({ role: 'customer', tenant_id: 'demo' })).toBe('customer');
  expect(kindOf({ role: 'tenant-admin', tenant_id: 'demo' })).toBe('customer');
  expect(kindOf({ role: 'operator', tenant_id: null })).toBe('operator');
  expect(kindOf({ role: 'operator-admin', tenant_id: null })).toBe('operator');
  // Both: their tenant's pages work for them.
  const both = { roles: ['operator', 'customer'] };
  expect(kindOf({ role: 'operator', tenant_id: 'demo', realm_access: both })).toBe('customer');
  expect(kindOf({ role: 'customer', tenant_id: null })).toBeNull();
});

it('goes to the form by itself, but not in a circle', () => {
  const kept = new Map<string, string>();
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  expect(mayGoToForm(50_000, store)).toBe(true);
  expect(mayGoToForm(52_000, store)).toBe(false);
  expect(mayGoToForm(61_000, store)).toBe(true);
});
