// What the pages of campaigns and of jobs share: both are runs over many devices.
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { asApiError } from '@/api/errors';
import { deviceLink } from '@/features/devices/readings';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { ProgressBar, RunState, StateWord, type Share } from './progress';

/** Devices on a page of a run. */
export const devicesAPage = 50;
const runsMore = 50;
const runsMost = 200;

/** How many runs the list asks for, and where a page of devices begins: both are in the URL. */
export function useRunsLimit() {
  return Number(useUrl().params.get('limit') ?? runsMore);
}
export function useDevicesFrom() {
  return Math.max(0, Number(useUrl().params.get('from') ?? 0) || 0);
}

/** The list's frame: loading, failure, nothing for this filter, nothing at all, more. */
export function RunList<Data, Run>({
  query,
  what,
  of,
  row,
  empty,
}: {
  query: UseQueryResult<Data>;
  /** "campaign": what one is called. */
  what: string;
  of: (data: Data) => { runs: Run[]; total: number };
  row: (run: Run) => ReactNode;
  /** Shown when there is none at all. */
  empty: ReactNode;
}) {
  const { params, set } = useUrl();
  const limit = useRunsLimit();
  if (query.error && !query.data)
    return (
      <Failure
        error={query.error}
        what={`${what[0]?.toUpperCase()}${what.slice(1)}s`}
        retry={() => void query.refetch()}
      />
    );
  if (query.isPending) return <SkeletonRows rows={4} label={`Loading ${what}s`} />;
  const { runs, total } = of(query.data as Data);
  if (runs.length === 0)
    return params.get('status') ? <Empty title={`No ${what} stands so`} /> : empty;
  return (
    <ul>
      {runs.map(row)}
      {total > runs.length && limit < runsMost && (
        <li className="px-3 py-2">
          <Button
            small
            onClick={() => set({ limit: String(Math.min(runsMost, limit + runsMore)) })}
          >
            Show more
          </Button>
        </li>
      )}
    </ul>
  );
}

/** A run in the list: what it is, how it stands, how far it is. */
export function RunRow({
  to,
  name,
  about,
  status,
  states,
  counts,
  succeeded,
  failed,
  total,
  at,
}: {
  to: string;
  name: string;
  about: ReactNode;
  status: string;
  states: Share[];
  counts: Record<string, number>;
  succeeded: number;
  failed: number;
  total: number;
  at: string;
}) {
  return (
    <li className="border-b last:border-b-0">
      <Link
        to={to}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-3 py-2 hover:bg-surface-2 md:grid-cols-[minmax(0,1.4fr)_8rem_minmax(0,1fr)_9rem_6rem]"
      >
        <span className="min-w-0">
          <span className="block truncate font-medium">{name}</span>
          <span className="block truncate text-12 text-ink-3">{about}</span>
        </span>
        <RunState status={status} />
        <span className="col-span-2 md:col-span-1">
          <ProgressBar thin states={states} counts={counts} total={total} />
        </span>
        <span className="num text-12 text-ink-2">
          {succeeded} of {many(total, 'device')}
          {failed > 0 && <span className="text-critical"> · {failed} failed</span>}
        </span>
        <span className="hidden text-right text-ink-3 md:block">
          <Ago at={at} />
        </span>
      </Link>
    </li>
  );
}

/** A run's page until it is there: unknown, failed, loading. */
export function RunPage<Run>({
  query,
  what,
  id,
  all,
  unknown = false,
  children,
}: {
  query: UseQueryResult<Run>;
  what: string;
  id: string;
  /** Where all runs of this kind are listed. */
  all: string;
  /** Nothing that could be asked for. */
  unknown?: boolean;
  children: (run: Run) => ReactNode;
}) {
  if (unknown || (query.error && asApiError(query.error).status === 404))
    return (
      <div className="panel">
        <Empty
          title={`There is no ${what} ${id}`}
          action={
            <ButtonLink kind="primary" to={all}>
              All {what}s
            </ButtonLink>
          }
        />
      </div>
    );
  if (query.error && !query.data)
    return (
      <div className="panel">
        <Failure error={query.error} what={`The ${what}`} retry={() => void query.refetch()} />
      </div>
    );
  if (!query.data) return <Skeleton className="h-7 w-64" />;
  return children(query.data);
}

/** How far a run is: the bar, and in words. */
export function RunProgress({
  states,
  counts,
  total,
  children,
}: {
  states: Share[];
  counts: Record<string, number>;
  total: number;
  children: ReactNode;
}) {
  return (
    <>
      <ProgressBar states={states} counts={counts} total={total} />
      <p className="num mt-1.5 text-12 text-ink-2" aria-live="polite">
        {children}
      </p>
    </>
  );
}

/** One device of a run. `columns`: of wide screens; `children` stand between its state and the time. */
export function RunDevice({
  id,
  states,
  status,
  at,
  columns,
  children,
}: {
  id: string;
  states: Share[];
  status: string;
  at: string | null | undefined;
  columns: string;
  children: ReactNode;
}) {
  return (
    <li className="border-b last:border-b-0">
      <Link
        to={deviceLink(id)}
        className={`grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-3 py-1.5 hover:bg-surface-2 ${columns}`}
      >
        <span className="truncate font-mono text-12">{id}</span>
        <StateWord states={states} status={status} />
        {children}
        <span className="text-right text-ink-3 max-md:hidden">
          <Ago at={at} never="" />
        </span>
      </Link>
    </li>
  );
}

/** Previous and next page of a run's devices. */
export function DevicePages({ more, children }: { more: boolean; children?: ReactNode }) {
  const { set } = useUrl();
  const from = useDevicesFrom();
  return (
    <div className="flex items-center gap-2 border-t px-3 py-2">
      <Button
        small
        disabled={from === 0}
        onClick={() => set({ from: from > devicesAPage ? String(from - devicesAPage) : null })}
      >
        Previous
      </Button>
      <Button small disabled={!more} onClick={() => set({ from: String(from + devicesAPage) })}>
        Next
      </Button>
      {children}
    </div>
  );
}
