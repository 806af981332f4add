import { expect, it } from 'vitest';
import type { AlertEntry } from '@/api/alerts';
import { metricsOf, thresholdOf, wordsOf } from './words';

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

it('says to which level an alert went, and whom that tells', () => {
  expect(wordsOf(entry('ESCALATED', { level: 2, severity_before: 4, severity: 5, targets: [
    { kind: 'oncall', responder: 'ada', schedule: 'Night' }, { kind: 'email', address: 'lead@x.example' },
    { kind: 'oncall', schedule: 'Day', problem: 'nobody is on call' },
  ] }))).toBe('Escalated to level 2, now severity 5: ada (on call in Night), lead@x.example, the person (on call in Day: nobody is on call)');
  expect(wordsOf(entry('ESCALATED', { level: 1, severity_before: 5, severity: 5 }))).toBe('Escalated to level 1');
});

it('draws a threshold only where it is a value of the metric', () => {
  const of = (more: object) => thresholdOf({ details: { metric_name: 'flow', threshold: 30, ...more } });
  expect(of({})).toBe(30);
  expect(of({ aggregation: 'avg', window_seconds: 300 })).toBe(30);
  expect(of({ aggregation: 'count', window_seconds: 300 })).toBeNull();
  expect(of({ aggregation: 'sum', window_seconds: 300 })).toBeNull();
  expect(of({ z_score: 4.1, mean: 2 })).toBeNull();
  expect(thresholdOf({ details: { gap_minutes: 10 } })).toBeNull();
});

it('knows all metrics of an alert', () => {
  expect(metricsOf({ details: { metric_name: 'a', conditions: [{ metric_name: 'a' }, { metric_name: 'b' }] } })).toEqual(['a', 'b']);
  expect(metricsOf({ details: { metric_name: '', conditions: null } })).toEqual([]);
});
