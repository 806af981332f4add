import { expect, it } from 'vitest';
import { entryAt, navigationOf, pagesOf } from './nav';

it('shows customers Setup, Monitor, Maintain and their organization, none of them empty', () => {
  const groups = navigationOf('customer').filter((g) => g.label);
  expect(groups.map((g) => g.label)).toEqual(['Setup', 'Monitor', 'Maintain', 'Organization']);
  expect(groups.every((g) => g.entries.length > 0)).toBe(true);
});

it('shows operators only their own pages', () => {
  expect(pagesOf('operator').every((p) => p.to.startsWith('/operator'))).toBe(true);
  expect(pagesOf('customer').some((p) => p.to.startsWith('/operator'))).toBe(false);
});

it('finds the entry of a path', () => {
  expect(entryAt('customer', '/devices/d-17')?.entry.label).toBe('Devices');
  expect(entryAt('customer', '/live')?.group.label).toBe('Monitor');
  expect(entryAt('customer', '/liveness')).toBeNull();
  expect(entryAt('operator', '/operator')?.entry.label).toBe('Overview');
});

it('gives each key to one page', () => {
  for (const kind of ['customer', 'operator'] as const) {
    const keys = pagesOf(kind).flatMap((p) => p.key ?? []);
    expect(new Set(keys).size).toBe(keys.length);
  }
});

it('leaves out what needs a permission that is missing', () => {
  const names = (...held: string[]) =>
    pagesOf('customer', (p) => p === undefined || held.includes(p)).map((e) => e.label);
  expect(names()).not.toContain('Team');
  expect(names()).toContain('Settings');
  expect(names('users.read')).toContain('Team');
  expect(names('users.read')).not.toContain('Roles');
  expect(entryAt('customer', '/settings/access')?.entry.label).toBe('API tokens');
});
