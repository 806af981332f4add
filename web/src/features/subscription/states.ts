// What the states of a subscription mean, in words, shapes and colours.
import type { SubscriptionStatus } from '@/api/people';

interface StateWords {
  label: string;
  /** What it means for the device, and what to do. */
  why: string;
  tone: string;
  bar: string;
}

export const states: Record<SubscriptionStatus, StateWords> = {
  ACTIVE: {
    label: 'Active',
    why: 'Paid for until its end.',
    tone: 'text-online',
    bar: 'bg-online',
  },
  TRIAL: {
    label: 'Trial',
    why: 'Free for 14 days from the day the device was added.',
    tone: 'text-accent',
    bar: 'bg-accent',
  },
  GRACE: {
    label: 'Grace',
    why: 'Past its end: the device goes on for 14 days more. Renew it before they are over.',
    tone: 'text-warning',
    bar: 'bg-warning',
  },
  SUSPENDED: {
    label: 'Suspended',
    why: 'What the device sends is refused until the subscription is renewed.',
    tone: 'text-critical',
    bar: 'bg-critical',
  },
  EXPIRED: {
    label: 'Expired',
    why: 'Over. What the device sends is refused.',
    tone: 'text-offline',
    bar: 'bg-offline',
  },
  CANCELLED: {
    label: 'Cancelled',
    why: 'Ended when the device was deleted, or by the billing service.',
    tone: 'text-offline',
    bar: 'bg-offline',
  },
};

export const stateOf = (status: string): StateWords =>
  states[status as SubscriptionStatus] ?? states.ACTIVE;

const events: Record<string, string> = {
  SUBSCRIPTION_CREATED: 'Subscription began',
  SUBSCRIPTION_CANCELLED: 'Subscription cancelled',
};

/** "SUBSCRIPTION_CREATED" as words; an event of a kind that has none, readable all the same. */
export function eventWords(type: string): string {
  const plain = type.replaceAll('_', ' ').toLowerCase();
  return events[type] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** 2499 → "24.99": an amount of the currency that the contract is in. */
export const amount = (cents: number): string =>
  (cents / 100).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** "ends in 3 days", "ends within a day", "ended 2 days ago"; null for one without an end. */
export function endWords(termEnd: string | null | undefined, now: number): string | null {
  if (!termEnd) return null;
  const days = (Date.parse(termEnd) - now) / 86_400_000;
  const n = Math.floor(Math.abs(days));
  if (n === 0) return days < 0 ? 'ended within a day' : 'ends within a day';
  const many = `${n} day${n === 1 ? '' : 's'}`;
  return days < 0 ? `ended ${many} ago` : `ends in ${many}`;
}
