// How a certificate stands: its status, and how near its end is.
import type { Certificate } from '@/api/certificates';
import { span } from '@/lib/time';

export type Life = 'good' | 'soon' | 'replaced' | 'revoked' | 'expired';

const day = 86_400_000;
/** From so many days before its end a certificate wants to be replaced; the server warns then, too. */
export const soonDays = 30;

export const lifeWords: Record<Life, { label: string; tone: string; bar: string }> = {
  good: { label: 'Active', tone: 'text-online', bar: 'bg-online' },
  soon: { label: 'Expires soon', tone: 'text-warning', bar: 'bg-warning' },
  replaced: { label: 'Replaced', tone: 'text-warning', bar: 'bg-warning' },
  revoked: { label: 'Revoked', tone: 'text-critical', bar: 'bg-critical' },
  expired: { label: 'Expired', tone: 'text-offline', bar: 'bg-offline' },
};

/** The moment (ms) from which it no longer works. */
export function endOf(c: Certificate): number {
  const ends = [c.revoked_at, c.scheduled_revoke_at, c.not_after].flatMap((t) => (t ? [Date.parse(t)] : []));
  return Math.min(...ends);
}

export function lifeOf(c: Certificate, now: number): Life {
  if (c.status === 'REVOKED') return 'revoked';
  if (c.status === 'EXPIRED' || Date.parse(c.not_after) <= now) return 'expired';
  if (c.scheduled_revoke_at) return 'replaced';
  return Date.parse(c.not_after) - now < soonDays * day ? 'soon' : 'good';
}

/** Where in its time the part that it still works begins and ends, 0 to 1; equal: it works no more. */
export function left(c: Certificate, now: number): { from: number; until: number } {
  const begin = Date.parse(c.not_before);
  const whole = Math.max(1, Date.parse(c.not_after) - begin);
  const share = (at: number) => Math.min(1, Math.max(0, (at - begin) / whole));
  return { from: share(Math.min(now, endOf(c))), until: share(endOf(c)) };
}

/** "ends in 364 d", "works for 23 h more", "revoked 3 d ago: stolen". */
export function endWords(c: Certificate, now: number): string {
  const distance = span(Math.abs(endOf(c) - now) / 1000);
  switch (lifeOf(c, now)) {
    case 'revoked':
      return `revoked ${distance} ago${c.revoked_reason ? `: ${c.revoked_reason.replaceAll('_', ' ')}` : ''}`;
    case 'expired':
      return `expired ${distance} ago`;
    case 'replaced':
      return endOf(c) <= now ? 'ends now' : `works for ${distance} more`;
    default:
      return `ends in ${distance}`;
  }
}
