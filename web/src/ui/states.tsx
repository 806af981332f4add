// What a part shows while it waits, when there is nothing, and when something failed.
import { Suspense, type ReactNode } from 'react';
import { asApiError, type ApiError } from '@/api/errors';
import { cx } from '@/lib/cx';
import { lazyPart } from '@/lib/lazy-part';
import { Button } from './button';
import { CopyValue } from './copy';

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden="true" className={cx('skeleton h-4', className)} />;
}

/** Rows shaped like a list while it loads. */
export function SkeletonRows({ rows = 6, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="flex h-8 items-center gap-4 border-b px-3 last:border-b-0">
          <Skeleton className="w-1/4" />
          <Skeleton className="w-1/8" />
          <Skeleton className="w-1/6" />
        </div>
      ))}
    </div>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-start gap-2 px-4 py-8 sm:px-6">
      <h2 className="text-15">{title}</h2>
      {children && <div className="w-full max-w-prose text-ink-2">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap gap-2">{action}</div>}
    </div>
  );
}

// Refusals are rare: what explains them is loaded with the first.
const PermissionNote = lazyPart(
  () => import('@/features/people/permission-note'),
  () => null,
);

/** Which permission is missing and who can grant it, where that is why. */
function Missing({ error }: { error: ApiError }) {
  const { permission } = error;
  return (
    permission && (
      <Suspense>
        <PermissionNote permission={permission} />
      </Suspense>
    )
  );
}

/** What failed, the request id to quote, and another try. */
export function Failure({
  error,
  what,
  retry,
}: {
  error: unknown;
  what: string;
  retry?: () => void;
}) {
  const e = asApiError(error);
  return (
    <div role="alert" className="flex flex-wrap items-start justify-between gap-3 px-4 py-4">
      <div className="min-w-0">
        <p className="font-semibold text-critical">
          <span aria-hidden="true">▲ </span>
          {e.permission ? `${what} ${what.endsWith('s') ? 'are' : 'is'} not shown to your roles` : `${what} could not be loaded`}
        </p>
        {e.permission ? <Missing error={e} /> : <p className="text-ink-2">{e.message}</p>}
        {e.requestId && (
          <p className="mt-1 flex items-center gap-1 text-12 text-ink-3">
            Request <CopyValue text={e.requestId} name="request id" />
          </p>
        )}
      </div>
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

/** Error of an action, inside its form. */
export function ActionError({ error }: { error: unknown }) {
  if (!error) return null;
  const e = asApiError(error);
  return (
    <div role="alert" className="rounded-m border border-critical bg-critical-soft px-3 py-2">
      <p className="text-critical">
        <span aria-hidden="true">▲ </span>
        {e.faults.length > 0
          ? 'Please mend the marked fields.'
          : e.permission
            ? 'Your roles do not allow this.'
            : e.message}
      </p>
      <Missing error={e} />
      {e.requestId && (
        <p className="flex items-center gap-1 text-12 text-ink-2">
          Request <CopyValue text={e.requestId} name="request id" />
        </p>
      )}
    </div>
  );
}
