import { expect, it } from 'vitest';
import { addDays, instantOf, momentWords, wallClock } from './zoned';

const berlin = 'Europe/Berlin';

it('finds the instant of a wall clock', () => {
  expect(instantOf('2026-01-05T09:00', berlin)).toBe(Date.parse('2026-01-05T08:00Z'));
  expect(instantOf('2026-07-06T09:00', berlin)).toBe(Date.parse('2026-07-06T07:00Z'));
  expect(instantOf('2026-01-05', 'Asia/Kathmandu')).toBe(Date.parse('2026-01-04T18:15Z'));
  expect(instantOf('never', berlin)).toBeNaN();
});

it('takes an hour that is left out as the one after it, and the first of one that comes twice', () => {
  expect(instantOf('2026-03-29T02:30', berlin)).toBe(Date.parse('2026-03-29T01:30Z'));
  expect(instantOf('2026-10-25T02:30', berlin)).toBe(Date.parse('2026-10-25T00:30Z'));
});

it('comes back to what the clock shows', () => {
  for (const wall of ['2026-03-28T23:00', '2026-03-29T03:00', '2026-10-25T03:00', '2026-12-31T23:59'])
    expect(wallClock(instantOf(wall, berlin), berlin)).toBe(wall);
});

it('counts days of the calendar', () => {
  expect(addDays('2026-03-28', 2)).toBe('2026-03-30');
  expect(momentWords(Date.parse('2026-03-29T00:30Z'), berlin)).toBe('Sun 29 Mar 01:30');
});
