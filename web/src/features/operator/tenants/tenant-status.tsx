import type { TenantStatus } from '@/api/operator';
import type { Status } from '@/api/types';
import { StatusShape } from '@/ui/status';

const looks: Record<TenantStatus, [string, Status, string, string]> = {
  ACTIVE: ['Active', 'ONLINE', 'text-online', 'Its people can sign in and work.'],
  SUSPENDED: ['Disabled', 'STALE', 'text-stale', 'Its people are refused; its devices keep sending.'],
  DELETED: ['Deleted', 'OFFLINE', 'text-offline', 'Can be restored until its data goes.'],
};

/** What the state of a tenant is called. */
export const statusWord = (status: TenantStatus): string => looks[status]?.[0] ?? status;

/** A tenant's state: colour, shape and word together. */
export function TenantMark({ status }: { status: TenantStatus }) {
  const [word, shape, colour, why] = looks[status];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${colour}`} title={why}>
      <StatusShape status={shape} />
      {word}
    </span>
  );
}
