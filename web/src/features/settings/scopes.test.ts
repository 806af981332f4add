import { expect, it } from 'vitest';
import { lifeOf, readOnly, scopeWords, tryToken } from './scopes';

it('tells scopes in few words', () => {
  expect(scopeWords(['devices.read'], 67)).toBe('devices.read');
  expect(scopeWords(['a.read', 'b.read', 'c.read'], 67)).toBe('a.read and 2 more');
  expect(scopeWords(['a.read', 'b.read', 'c.read'], 3)).toBe('everything');
});

it('finds what only looks', () => {
  const p = (action: string) => ({ id: 1, action, category: '', description: '' });
  expect(readOnly([p('alerts.rules.read'), p('devices.write'), p('sites.read')])).toEqual([
    'alerts.rules.read',
    'sites.read',
  ]);
});

it('warns before a token ends', () => {
  const now = Date.parse('2026-11-01T00:00:00Z');
  expect(lifeOf(null, now)).toBe('endless');
  expect(lifeOf('2026-10-31T00:00:00Z', now)).toBe('ended');
  expect(lifeOf('2026-11-05T00:00:00Z', now)).toBe('soon');
  expect(lifeOf('2026-12-01T00:00:00Z', now)).toBe('good');
});

it('makes a call that a shell takes', () => {
  expect(tryToken('https://pulse.example', 'pulse_pat_x')).toBe(
    "curl -H 'Authorization: Bearer pulse_pat_x' 'https://pulse.example/api/v1/customer/me/permissions'",
  );
});
