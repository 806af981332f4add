import { expect, it } from 'vitest';
import type { Command } from '@/api/control';
import { complaint, stepsOf } from './steps';

const base: Command = {
  command_id: 'c', command_type: 'blink', command_params: {}, status: 'queued', published_at: null,
  acked_at: null, ack_details: null, expires_at: '2026-01-01T01:00:00Z', created_by: 'ada',
  created_at: '2026-01-01T00:00:00Z', attempts: 0, cancelled_at: null, retry_of: null,
};
const names = (c: Partial<Command>) => stepsOf({ ...base, ...c }).map((s) => s.name);

it('tells each step that a command went', () => {
  expect(names({})).toEqual(['Queued', 'Waits to be sent']);
  expect(names({ published_at: '2026-01-01T00:00:01Z' })).toEqual(['Queued', 'Sent', 'Waits for the device']);
  expect(names({ status: 'delivered', published_at: '2026-01-01T00:00:01Z', acked_at: '2026-01-01T00:00:02Z' }))
    .toEqual(['Queued', 'Sent', 'Acknowledged']);
  expect(names({ status: 'missed', published_at: '2026-01-01T00:00:01Z' })).toEqual(['Queued', 'Sent', 'Missed']);
  expect(names({ status: 'expired' })).toEqual(['Queued', 'Expired']);
  expect(names({ status: 'expired', cancelled_at: '2026-01-01T00:00:05Z', retry_of: 'x' })).toEqual(['Queued again', 'Cancelled']);
});

it('tells when a device acknowledged and failed', () => {
  const acked = (status: string) => complaint({ ...base, status: 'delivered', ack_details: { status, details: null } });
  expect(acked('ok')).toBeNull();
  expect(acked('failed')).toBe('failed');
  expect(complaint(base)).toBeNull();
});
