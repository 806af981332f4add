// What became of a command, step by step.
import type { Command } from '@/api/control';

export interface Step {
  name: string;
  at: string | null;
  words: string;
}

/** The device's own word on an acknowledged command; null where it said that all is well. */
export function complaint(c: Command): string | null {
  const word = c.ack_details?.status;
  return c.status === 'delivered' && word && !/^(ok|success|done|succeeded)$/i.test(word) ? word : null;
}

export function stepsOf(c: Command): Step[] {
  const steps: Step[] = [
    {
      name: c.retry_of ? 'Queued again' : 'Queued',
      at: c.created_at,
      words: c.created_by ? `by ${c.created_by}` : '',
    },
  ];
  if (c.published_at)
    steps.push({
      name: 'Sent',
      at: c.published_at,
      words: c.attempts > 1 ? `${c.attempts} times by now` : '',
    });
  if (c.status === 'delivered')
    steps.push({ name: 'Acknowledged', at: c.acked_at, words: c.ack_details?.status ?? '' });
  else if (c.cancelled_at) steps.push({ name: 'Cancelled', at: c.cancelled_at, words: '' });
  else if (c.status === 'missed')
    steps.push({ name: 'Missed', at: c.expires_at, words: 'nobody acknowledged it in time' });
  else if (c.status === 'expired')
    steps.push({ name: 'Expired', at: c.expires_at, words: 'before it could be sent' });
  else
    steps.push({
      name: c.published_at ? 'Waits for the device' : 'Waits to be sent',
      at: null,
      words: '',
    });
  return steps;
}
