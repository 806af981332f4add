import { expect, it } from 'vitest';
import { ruleInWords, simulatedOf } from './rule-words';

const plain = {
  channel_id: 1,
  min_severity: null,
  alert_type: null,
  device_tag_key: null,
  device_tag_val: null,
  site_ids: null,
  device_prefixes: null,
  deliver_on: ['OPEN'],
  throttle_minutes: 0,
  priority: 100,
  is_enabled: true,
  active_hours: [],
  timezone: null,
};

it('says what a rule does', () => {
  expect(ruleInWords(plain)).toBe('Every alert, when opened');
  expect(
    ruleInWords({
      ...plain,
      min_severity: 4,
      site_ids: ['north'],
      device_tag_key: 'floor',
      device_tag_val: '3',
      deliver_on: ['CLOSED', 'OPEN'],
      throttle_minutes: 5,
      active_hours: [{ dow: [1, 2], start_hour: 22, end_hour: 6 }],
      timezone: 'Europe/Berlin',
    }),
  ).toBe(
    'Alerts of severity 4 and up, at north, with tag floor:3, when opened or closed; Mon, Tue 22:00–06:00 (Europe/Berlin); the same one not again for 5 minutes',
  );
});

it('asks about an alert at another site and time only where they are given', () => {
  const form = { device: ' pump-1 ', site: '', type: 'THRESHOLD', severity: '4', event: 'OPEN' as const, at: '' };
  expect(simulatedOf(form)).toEqual({ device_id: 'pump-1', alert_type: 'THRESHOLD', severity: 4, event: 'OPEN' });
  const later = simulatedOf({ ...form, site: 'berlin', at: '2026-03-02T22:30' });
  expect([later.site_id, later.at]).toEqual(['berlin', new Date(2026, 2, 2, 22, 30).toISOString()]);
});
