// Device status: always a colour, a shape and a word together.
import type { Status } from '@/api/types';
import { span } from '@/lib/time';
import { useNow } from './time';

const words: Record<Status, string> = { ONLINE: 'Online', STALE: 'Stale', OFFLINE: 'Offline' };
const colours: Record<Status, string> = {
  ONLINE: 'text-online',
  STALE: 'text-stale',
  OFFLINE: 'text-offline',
};

/** Dot, ring or square. */
export function StatusShape({ status }: { status: Status }) {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className="shrink-0">
      {status === 'ONLINE' && <circle cx="5" cy="5" r="4" fill="currentColor" />}
      {status === 'STALE' && (
        <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
      )}
      {status === 'OFFLINE' && <rect x="1.2" y="1.2" width="7.6" height="7.6" fill="currentColor" />}
    </svg>
  );
}

/** Why a device is in this state, and what to do about it. */
export const why: Record<Status, string> = {
  ONLINE: 'Heard from within its expected interval.',
  STALE: 'Silent for longer than its expected interval. Check its power and its network.',
  OFFLINE:
    'Silent for more than ten intervals, or never heard from. Check its power and its network; Connect has a command that tries its credentials.',
};

/** Status with how long it has been so when it is not online. */
export function StatusMark({ status, since }: { status: Status; since?: string | null }) {
  const from = status !== 'ONLINE' && since ? Date.parse(since) : NaN;
  const now = useNow(Number.isNaN(from) ? null : from);
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap ${colours[status]}`}
      title={why[status]}
    >
      <StatusShape status={status} />
      <span className="num">
        {words[status]}
        {Number.isNaN(from) ? '' : ` ${span((now - from) / 1000)}`}
      </span>
    </span>
  );
}
