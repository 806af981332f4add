import { expect, it } from 'vitest';
import { bodyOf, emptyLevel, faultsOf, formOf, minutesWords } from './policy-form';

it('numbers levels as they stand, and sends nothing for what is empty', () => {
  const form = formOf(null);
  form.name = 'Night';
  form.levels = [{ ...emptyLevel(), email: ' a@x.example ' }, { ...emptyLevel(), schedule: '7', delay: '30' }];
  expect(bodyOf(form).levels).toEqual([
    { level_number: 1, delay_minutes: 15, notify_email: 'a@x.example', notify_webhook: null, oncall_schedule_id: null },
    { level_number: 2, delay_minutes: 30, notify_email: null, notify_webhook: null, oncall_schedule_id: 7 },
  ]);
});

it('wants a name, whole minutes and somebody to tell', () => {
  const form = formOf(null);
  form.levels = [{ ...emptyLevel(), delay: '1.5' }];
  expect(Object.entries(faultsOf(form)).filter(([, f]) => f).map(([name]) => name)).toEqual([
    'name', 'levels.0.delay_minutes', 'levels.0.notify_email']);
});

it('says minutes exactly', () => {
  expect([0, 59, 60, 85, 1440].map(minutesWords)).toEqual(['0 min', '59 min', '1 h', '1 h 25 min', '24 h']);
});
