import { expect, it } from 'vitest';
import type { AlertEntry } from '@/api/alerts';
import { wordsOf } from './words';

const entry = (event: string, details: AlertEntry['details'] = {}, actor: string | null = null): AlertEntry => ({
  event_id: 1,
  event,
  at: '2026-01-01T00:00:00Z',
  actor,
  details,
});

it('says why an alert was closed, and by whom', () => {
  expect(wordsOf(entry('CLOSED', { reason: 'recovered' }))).toBe('Closed: the value is good again');
  expect(wordsOf(entry('CLOSED', { reason: 'manual' }, 'ada'))).toBe('Closed by ada');
});

it('says whom it told by what, and what came of it', () => {
  const told = { channel_name: 'Night shift', channel_type: 'slack', event: 'OPEN', ok: true, attempt: 1 };
  expect(wordsOf(entry('TOLD', told))).toBe('Told Night shift by slack');
  expect(wordsOf(entry('TOLD', { ...told, ok: false, attempt: 2, event: 'CLOSED', http_status: 500 }))).toBe(
    'Not told Night shift by slack of closed at attempt 2: status 500',
  );
  expect(wordsOf(entry('TOLD', { address: 'a@b.example', channel_type: 'email', event: 'OPEN', ok: true }))).toBe(
    'Told a@b.example by email',
  );
});
