import { expect, it } from 'vitest';
import type { Person, RealmRole } from '@/api/operator';
import { topRole } from './person-mark';
import { filterOf, matching } from './person-rows';

const person = (username: string, roles: RealmRole[], more: Partial<Person> = {}) =>
  ({ username, email: `${username}@a.example`, first_name: '', last_name: '', enabled: true, roles, ...more }) as Person;
const people = [
  person('kay', ['customer', 'tenant-admin'], { first_name: 'Kay', last_name: 'Moss', tenant_id: 'acme' }),
  person('max', ['customer'], { tenant_id: 'acme', enabled: false }),
  person('root', ['operator', 'operator-admin']),
];
const names = (query: string) => {
  const params = new URLSearchParams(query);
  return matching(people, filterOf((name) => params.get(name))).map((p) => p.username);
};

it('finds by words in name, username, email and tenant', () => {
  expect(names('q=moss+KAY')).toEqual(['kay']);
  expect(names('q=acme')).toEqual(['kay', 'max']);
});

it('narrows by role and state', () => {
  expect(names('role=customer')).toEqual(['max']);
  expect(names('role=operator')).toEqual(['root']);
  expect(names('state=disabled')).toEqual(['max']);
  expect(names('role=king')).toEqual(['kay', 'max', 'root']);
});

it('names the strongest role', () => {
  expect(topRole(['customer', 'tenant-admin'])).toBe('tenant-admin');
  expect(topRole([])).toBeNull();
});
