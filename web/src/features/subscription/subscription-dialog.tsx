import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { SubscriptionDetail } from '@/api/people';
import { utc } from '@/lib/time';
import { CopyValue } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { CheckIcon, CloseIcon } from '@/ui/icons';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ends, StateMark } from './parts';
import { useSubscription } from './queries';
import { amount, stateOf } from './states';

const plain = (name: string) => name.replaceAll('_', ' ');

function Facts({ s }: { s: SubscriptionDetail }) {
  const features = Object.entries(s.plan_features).filter(
    (pair): pair is [string, boolean] => typeof pair[1] === 'boolean',
  );
  const facts: [string, ReactNode][] = [
    [
      'Device',
      s.status === 'CANCELLED' ? (
        s.device_id
      ) : (
        <Link
          key="device"
          to={`/devices/${encodeURIComponent(s.device_id)}`}
          className="text-accent underline underline-offset-2"
        >
          {s.device_id}
        </Link>
      ),
    ],
    [
      'State',
      <span key="state">
        <StateMark status={s.status} /> <span className="text-ink-2">{stateOf(s.status).why}</span>
      </span>,
    ],
    ['Plan', `${s.plan_name}, ${amount(s.monthly_price_cents)} a month`],
    ['Began', <span className="num" key="began">{utc(s.term_start)}</span>],
    ['Ends', s.cancelled_at ? `cancelled ${utc(s.cancelled_at)}` : <Ends key="ends" at={s.term_end} />],
    ['Grace until', s.grace_end && <span className="num" key="grace">{utc(s.grace_end)}</span>],
    ['Id', <CopyValue key="id" text={s.subscription_id} name="subscription id" />],
    ...Object.entries(s.plan_limits).map(([name, limit]): [string, ReactNode] => [
      plain(name),
      <span className="num" key={name}>
        {String(limit)}
      </span>,
    ]),
  ];
  return (
    <>
      <dl className="grid grid-cols-[10rem_minmax(0,1fr)] gap-x-3 gap-y-1">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <Fragment key={name}>
              <dt className="text-ink-2 first-letter:uppercase">{name}</dt>
              <dd className="min-w-0 break-words">{value}</dd>
            </Fragment>
          ))}
      </dl>
      {features.length > 0 && (
        <ul className="mt-3 grid gap-x-4 gap-y-1 border-t pt-3 sm:grid-cols-2" aria-label="What the plan includes">
          {features.map(([name, on]) => (
            <li key={name} className={`flex items-center gap-2 ${on ? '' : 'text-ink-3'}`}>
              <span className={on ? 'text-online' : undefined}>
                {on ? <CheckIcon size={14} /> : <CloseIcon size={14} />}
              </span>
              <span className="first-letter:uppercase">{plain(name)}</span>
              {!on && <span className="sr-only"> is not included</span>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** One subscription: its term, and what its plan allows. */
export function SubscriptionDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const subscription = useSubscription(id);
  const s = subscription.data;
  return (
    <Dialog open onClose={onClose} title={s ? `Subscription of ${s.device_id}` : 'Subscription'}>
      {subscription.error && !s ? (
        <Failure
          error={subscription.error}
          what="The subscription"
          retry={() => void subscription.refetch()}
        />
      ) : s ? (
        <Facts s={s} />
      ) : (
        <SkeletonRows rows={6} label="Loading the subscription" />
      )}
    </Dialog>
  );
}
