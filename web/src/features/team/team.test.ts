import { expect, it } from 'vitest';
import type { AuditEvent, Member, Role } from '@/api/people';
import { initials, listed, nameOf } from '@/features/people/names';
import { actionsOf, grantChange, ungrantable } from './grants';
import { newestOf, stateOf } from './status';

const member = (more: Partial<Member> = {}): Member => ({
  id: 'u-1', username: 'kay', email: 'kay@example.com', first_name: '', last_name: '', enabled: true,
  email_verified: false, roles: ['customer'], attributes: {}, ...more,
});
const role = (id: string, ...actions: string[]): Role => ({
  id, name: id, description: '', is_system: false, member_count: 0, created_at: '', updated_at: '',
  permissions: actions.map((action, n) => ({ id: n, action, category: '', description: '' })),
});

it('tells who takes part, who was asked, and who is locked out', () => {
  const traces = { signIns: new Map<string, string>(), invited: new Map([['u-1', '2026-11-01']]) };
  expect(stateOf(member(), traces)).toBe('invited');
  expect(stateOf(member({ email_verified: true }), traces)).toBe('active');
  expect(stateOf(member(), { ...traces, signIns: new Map([['u-1', '2026-11-02']]) })).toBe('active');
  expect(stateOf(member({ enabled: false }), traces)).toBe('disabled');
  expect(stateOf(member({ id: 'u-2' }), traces)).toBe('active');
});

it('takes the newest of each', () => {
  const event = (actor_id: string | null, timestamp: string) => ({ actor_id, timestamp }) as AuditEvent;
  const found = newestOf([event('a', '3'), event('b', '2'), event('a', '1'), event(null, '0')], (e) => e.actor_id);
  expect([...found]).toEqual([['a', '3'], ['b', '2']]);
});

it('tells what a choice of roles gives and takes', () => {
  const roles = [role('viewer', 'devices.read', 'sites.read'), role('keeper', 'sites.read', 'sites.write')];
  expect(actionsOf(roles).size).toBe(3);
  expect(grantChange(roles, new Set(['viewer']), new Set(['keeper']))).toEqual({
    added: ['sites.write'],
    removed: ['devices.read'],
  });
  expect(ungrantable(roles[1]!, (p) => p === 'sites.read')).toBe('sites.write');
  expect(ungrantable(roles[1]!, () => true)).toBeNull();
});

it('names people', () => {
  expect(nameOf(member())).toBe('kay');
  expect(nameOf(member({ first_name: 'Kay', last_name: 'Kern' }))).toBe('Kay Kern');
  expect(initials(member({ first_name: 'Kay', last_name: 'Kern' }))).toBe('KK');
  expect(initials(member())).toBe('KA');
  expect([listed([]), listed(['A']), listed(['A', 'B']), listed(['A', 'B', 'C'])]).toEqual(['', 'A', 'A and B', 'A, B and C']);
  expect(listed(['A', 'B', 'C', 'D', 'E'])).toBe('A, B and 3 others');
});
