import { useCallback } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import { subscriptionStates, type Subscription, type SubscriptionStatus } from '@/api/people';
import { csv, download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { DataTable, sorted, type Column } from '@/ui/data-table';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { ShowMore } from '@/ui/show-more';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { HistoryPanel } from './history-panel';
import { Ends, StateBar, StateMark } from './parts';
import { useSubscriptions, type Wanted } from './queries';
import { amount, stateOf, states } from './states';
import { SubscriptionDialog } from './subscription-dialog';

const columnsOf = (to: (s: Subscription) => string): Column<Subscription>[] => [
  {
    id: 'device',
    label: 'Device',
    width: 200,
    grows: 1.4,
    by: (s) => s.device_id,
    cell: (s) => (
      <Link to={to(s)} className="block truncate font-medium hover:underline">
        {s.device_id}
      </Link>
    ),
  },
  { id: 'plan', label: 'Plan', width: 120, grows: 1, by: (s) => s.plan_name, cell: (s) => s.plan_name },
  {
    id: 'status',
    label: 'State',
    width: 120,
    by: (s) => stateOf(s.status).label,
    cell: (s) => <StateMark status={s.status} />,
  },
  {
    id: 'ends',
    label: 'Ends',
    width: 150,
    by: (s) => s.term_end ?? null,
    cell: (s) => (
      <span className="text-ink-2">
        <Ends at={s.term_end} />
      </span>
    ),
  },
  {
    id: 'price',
    label: 'A month',
    width: 100,
    end: true,
    by: (s) => s.monthly_price_cents,
    cell: (s) => <span className="num">{amount(s.monthly_price_cents)}</span>,
  },
];

const save = (rows: readonly Subscription[]) =>
  download(
    'subscriptions.csv',
    csv(
      ['subscription_id', 'device_id', 'plan', 'status', 'term_start', 'term_end', 'grace_end', 'monthly_price'],
      rows.map((s) => [
        s.subscription_id,
        s.device_id,
        s.plan_name,
        s.status,
        s.term_start,
        s.term_end ?? '',
        s.grace_end ?? '',
        (s.monthly_price_cents / 100).toFixed(2),
      ]),
    ),
  );

const statusOf = (text: string | null): Wanted['status'] =>
  text === 'all' || subscriptionStates.includes(text as SubscriptionStatus)
    ? (text as Wanted['status'])
    : null;

/** What the devices are subscribed to, when it ends, and what it costs. */
export default function SubscriptionPage() {
  useTitle('Subscription');
  const { get, set } = useUrl();
  const q = get('q') ?? '';
  const status = statusOf(get('status'));
  const sort = get('sort');
  const open = get('id');
  const list = useSubscriptions({ q, status });
  const narrowed = q !== '' || status !== null;
  const search = useCallback((text: string) => set({ q: text }), [set]);
  const summary = list.last?.summary;
  const linkTo = (s: Subscription) => {
    const query = new URLSearchParams();
    for (const [name, value] of [['q', q], ['status', status], ['sort', sort]] as const)
      if (value) query.set(name, value);
    query.set('id', s.subscription_id);
    return `/subscription?${query.toString()}`;
  };
  const columns = columnsOf(linkTo);
  const rows = sorted(list.lines, columns, sort);
  return (
    <>
      <PageHeader
        title="Subscription"
        facts={
          summary && (
            <>
              <span>{many(summary.total_subscriptions, 'device')}</span>
              <span>{amount(summary.monthly_price_cents)} a month</span>
            </>
          )
        }
        actions={
          <>
            <CopyCall
              path={callPath('/subscriptions', {
                q: q || undefined,
                ...(status === 'all' ? { include_expired: true } : { status: status ?? undefined }),
              })}
            />
            {rows.length > 0 && (
              <Button className="max-sm:hidden" title="What is shown, as CSV" onClick={() => save(rows)}>
                CSV
              </Button>
            )}
          </>
        }
      />
      {summary && <StateBar numbers={summary.by_status} />}
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search subscriptions"
          placeholder="Device id"
          value={q}
          onChange={search}
        />
        <label className="flex items-center gap-2">
          <span className="sr-only">State</span>
          <select
            aria-label="State"
            className="h-8 rounded-m border border-line-strong bg-surface px-2"
            value={status ?? ''}
            onChange={(e) => set({ status: e.target.value || null })}
          >
            <option value="">All that live</option>
            {subscriptionStates.map((s) => (
              <option key={s} value={s}>
                {states[s].label}
              </option>
            ))}
            <option value="all">Those that are over too</option>
          </select>
        </label>
        <Link
          to="/settings/organization#limits"
          className="text-accent underline underline-offset-2 sm:ml-auto"
        >
          What the tier allows
        </Link>
      </div>
      <div className="panel">
        {list.error && list.lines.length === 0 ? (
          <Failure error={list.error} what="Subscriptions" retry={list.retry} />
        ) : list.pending ? (
          <SkeletonRows rows={6} label="Loading subscriptions" />
        ) : rows.length === 0 ? (
          <Empty
            title={narrowed ? 'No subscription fits' : 'No subscription yet'}
            action={
              narrowed ? (
                <Button onClick={() => set({ q: null, status: null })}>Show all that live</Button>
              ) : (
                <Link to="/devices?new=1" className="text-accent underline underline-offset-2">
                  Add a device
                </Link>
              )
            }
          >
            {!narrowed &&
              'Each device has a subscription of its own. It begins with a trial of 14 days on the day the device is added.'}
          </Empty>
        ) : (
          <>
            <DataTable
              label="Subscriptions"
              className="max-h-[60dvh]! min-h-0!"
              rows={rows}
              columns={columns}
              keyOf={(s) => s.subscription_id}
              to={linkTo}
              sort={sort}
              onSort={(next) => set({ sort: next })}
              narrow={(s) => (
                <span className="flex items-center justify-between gap-3">
                  <span className="min-w-0">
                    <span className="block truncate font-medium">{s.device_id}</span>
                    <span className="text-12 text-ink-2">{s.plan_name}</span>
                  </span>
                  <span className="flex shrink-0 flex-col items-end text-12">
                    <StateMark status={s.status} />
                    <span className="text-ink-2">
                      <Ends at={s.term_end} />
                    </span>
                  </span>
                </span>
              )}
            />
            <ShowMore source={list} />
          </>
        )}
      </div>
      {list.more && (sort || rows.length > 0) && (
        <p className="mt-2 text-ink-2">
          Order and CSV are of the {count(rows.length)} that are shown; search finds the others.
        </p>
      )}
      <HistoryPanel />
      {open && <SubscriptionDialog id={open} onClose={() => set({ id: null })} />}
    </>
  );
}
