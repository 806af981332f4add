import { expect, it } from 'vitest';
import { coveredHours, fromLocal, listOf, recurrenceWords, toLocal } from './words';

it('tells a recurrence in words, the week from Monday', () => {
  expect(recurrenceWords({ dow: [0, 1], start_hour: 22, end_hour: 2 })).toBe(
    'Mon, Sun 22:00 to 02:00 (next day)',
  );
  expect(recurrenceWords({ dow: [0, 1, 2, 3, 4, 5, 6], start_hour: 0, end_hour: 24 })).toBe(
    'Every day 00:00 to 24:00',
  );
});

it('covers the hours over midnight on the next day', () => {
  const r = { dow: [6], start_hour: 22, end_hour: 2 };
  const hours = (day: number) => coveredHours(r, day).flatMap((on, h) => (on ? [h] : []));
  expect(hours(6)).toEqual([22, 23]);
  expect(hours(0)).toEqual([0, 1]);
  expect(hours(1)).toEqual([]);
});

it('keeps a moment through the form', () => {
  expect(fromLocal(toLocal('2026-03-01T10:30:00Z'))).toBe('2026-03-01T10:30:00.000Z');
});

it('reads lists', () => {
  expect(listOf(' pump , pump,fan ')).toEqual(['pump', 'fan']);
  expect(listOf(' , ')).toBeNull();
});
