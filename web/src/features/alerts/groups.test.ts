import { expect, it } from 'vitest';
import type { Alert } from '@/api/alerts';
import { grouped } from './groups';
import { stateOf } from './severity';

const alert = (alert_id: number, device_id: string, severity: number, more: Partial<Alert> = {}) =>
  ({ alert_id, device_id, device_name: null, site_id: 's', severity, rule_id: null, rule_name: null,
     alert_type: 'NO_HEARTBEAT', status: 'OPEN', silenced_until: null, ...more }) as Alert;

it('puts the worst group first, then the largest, and keeps the order of rows', () => {
  const groups = grouped(
    [alert(1, 'a', 3), alert(2, 'b', 3), alert(3, 'b', 2), alert(4, 'c', 5)],
    'device',
  );
  expect(groups.map((g) => [g.key, g.worst, g.alerts.map((a) => a.alert_id)])).toEqual([
    ['c', 5, [4]],
    ['b', 3, [2, 3]],
    ['a', 3, [1]],
  ]);
});

it('names what no rule opened by its type', () => {
  const groups = grouped([alert(1, 'a', 3), alert(2, 'b', 3, { rule_id: 'r', rule_name: 'Hot' })], 'rule');
  expect(groups.map((g) => g.label).sort()).toEqual(['Hot', 'NO_HEARTBEAT']);
});

it('says how an alert stands', () => {
  const later = new Date(2_000).toISOString();
  expect(stateOf(alert(1, 'a', 3), 1_000)).toBe('Open');
  expect(stateOf(alert(1, 'a', 3, { silenced_until: later }), 1_000)).toBe('Silenced');
  expect(stateOf(alert(1, 'a', 3, { silenced_until: later }), 3_000)).toBe('Open');
  expect(stateOf(alert(1, 'a', 3, { status: 'CLOSED', silenced_until: later }), 1_000)).toBe('Closed');
});
