import { expect, it } from 'vitest';
import type { Organization } from '@/api/people';
import { patchOf, valuesOf } from './organization-form';

const organization: Organization = {
  tenant_id: 'demo', name: 'Demo', timezone: 'UTC', metadata: {}, legal_name: 'Demo GmbH', city: null,
  created_at: '', updated_at: '',
};

it('sends only what changed, and clears what was emptied', () => {
  const before = valuesOf(organization);
  expect(before.city).toBe('');
  expect(patchOf(before, { ...before, city: ' ' })).toBeNull();
  expect(patchOf(before, { ...before, city: 'Kiel', legal_name: '', name: 'Demo 2 ' })).toEqual({
    city: 'Kiel',
    legal_name: null,
    name: 'Demo 2',
  });
});
