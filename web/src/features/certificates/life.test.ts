import { expect, it } from 'vitest';
import type { Certificate } from '@/api/certificates';
import { endWords, left, lifeOf } from './life';

const now = Date.parse('2026-06-01T00:00:00Z');
const of = (more: Partial<Certificate>): Certificate => ({
  id: 1,
  tenant_id: 'demo',
  device_id: 'd',
  fingerprint_sha256: 'ab',
  common_name: 'demo/d',
  issuer: 'CN=CA',
  serial_number: '01',
  status: 'ACTIVE',
  not_before: '2026-01-01T00:00:00Z',
  not_after: '2027-01-01T00:00:00Z',
  created_at: '2026-01-01T00:00:00Z',
  ...more,
});

it('tells how a certificate stands', () => {
  expect(lifeOf(of({}), now)).toBe('good');
  expect(endWords(of({}), now)).toBe('ends in 214 d');
  const soon = of({ not_after: '2026-06-11T00:00:00Z' });
  expect([lifeOf(soon, now), endWords(soon, now)]).toEqual(['soon', 'ends in 10 d']);
  const over = of({ not_after: '2026-05-30T00:00:00Z' }); // the job has not come by yet
  expect([lifeOf(over, now), endWords(over, now)]).toEqual(['expired', 'expired 2 d ago']);
  const replaced = of({ scheduled_revoke_at: '2026-06-01T23:00:00Z' });
  expect([lifeOf(replaced, now), endWords(replaced, now)]).toEqual(['replaced', 'works for 23 h more']);
  const revoked = of({ status: 'REVOKED', revoked_at: '2026-05-29T00:00:00Z', revoked_reason: 'ca_removed' });
  expect([lifeOf(revoked, now), endWords(revoked, now)]).toEqual(['revoked', 'revoked 3 d ago: ca removed']);
});

it('measures what is left of its time', () => {
  const whole = left(of({}), now);
  expect([whole.from, whole.until]).toEqual([expect.closeTo(151 / 365, 3), 1]);
  expect(left(of({ not_after: '2026-05-01T00:00:00Z' }), now)).toEqual({ from: 1, until: 1 });
  expect(left(of({ not_before: '2026-07-01T00:00:00Z' }), now)).toEqual({ from: 0, until: 1 });
  const replaced = left(of({ scheduled_revoke_at: '2026-06-02T00:00:00Z' }), now);
  expect(replaced.until - replaced.from).toBeCloseTo(1 / 365, 4);
  const revoked = left(of({ status: 'REVOKED', revoked_at: '2026-01-02T00:00:00Z' }), now);
  expect(revoked.from).toBe(revoked.until);
});
