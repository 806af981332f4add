import { expect, test } from 'vitest';
import { amount, endWords, eventWords, stateOf } from './states';

test('an end is told in days, on both sides of it', () => {
  const now = Date.parse('2026-03-10T12:00:00Z');
  expect(endWords('2026-03-13T13:00:00Z', now)).toBe('ends in 3 days');
  expect(endWords('2026-03-11T13:00:00Z', now)).toBe('ends in 1 day');
  expect(endWords('2026-03-10T13:00:00Z', now)).toBe('ends within a day');
  expect(endWords('2026-03-10T11:00:00Z', now)).toBe('ended within a day');
  expect(endWords('2026-03-08T11:00:00Z', now)).toBe('ended 2 days ago');
  expect(endWords(null, now)).toBeNull();
});

test('amounts have two decimals', () => {
  expect(amount(299)).toBe('2.99');
  expect(amount(0)).toBe('0.00');
  expect(amount(124950)).toBe('1,249.50');
});

test('states and events have words', () => {
  expect(stateOf('GRACE').label).toBe('Grace');
  expect(eventWords('SUBSCRIPTION_CREATED')).toBe('Subscription began');
  expect(eventWords('RENEWAL_30')).toBe('Renewal 30');
});
