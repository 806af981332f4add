import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { StaffLine } from '@/api/operator';
import { browserOf } from '@/lib/user-agent';
import { utc } from '@/lib/time';
import { CopyValue } from '@/ui/copy';
import { Ago } from '@/ui/time';
import { personLink, tenantLink } from '../links';

/** "get_tenant" → "get tenant". */
export const actionWords = (action: string): string => action.replaceAll('_', ' ');

/** What one of the staff did or looked at, in a line. */
export function StaffLineRow({ line: l }: { line: StaffLine }) {
  return (
    <span className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 lg:grid-cols-[6.5rem_minmax(0,1fr)_12rem_9rem]">
      <span className="text-ink-2 max-lg:order-2 max-lg:text-right max-lg:text-12">
        <Ago at={l.created_at} />
      </span>
      <span className="truncate max-lg:order-1">{actionWords(l.action)}</span>
      <span className="truncate text-ink-2 max-lg:order-4 max-lg:text-right max-lg:text-12">
        {l.tenant_filter ? l.tenant_filter : <span className="text-ink-3">all tenants</span>}
      </span>
      <span className="truncate text-ink-2 max-lg:order-3 max-lg:text-12">
        {l.user_name ?? l.user_id.slice(0, 8)}
      </span>
    </span>
  );
}

export function StaffLineDetail({
  line: l,
  narrow,
}: {
  line: StaffLine;
  narrow: (members: Record<string, string>) => void;
}) {
  const only = (label: string, members: Record<string, string>) => (
    <button
      type="button"
      onClick={() => narrow(members)}
      className="text-accent underline underline-offset-2"
    >
      {label}
    </button>
  );
  const link = 'text-accent underline underline-offset-2';
  const facts: [string, ReactNode][] = [
    ['When', <span className="num">{utc(l.created_at)}</span>],
    [
      'Who',
      <span className="flex flex-wrap gap-x-3">
        <Link to={personLink(l.user_id)} className={link}>
          {l.user_name ?? l.user_id}
        </Link>
        {only('Only theirs', { actor: l.user_id })}
      </span>,
    ],
    [
      'Action',
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-mono text-12">{l.action}</span>
        {only('Only this action', { action: l.action })}
      </span>,
    ],
    [
      'Tenant',
      l.tenant_filter && (
        <span className="flex flex-wrap gap-x-3">
          <Link to={tenantLink(l.tenant_filter)} className={link}>
            {l.tenant_filter}
          </Link>
          {only('Only about it', { tenant: l.tenant_filter })}
        </span>
      ),
    ],
    ['About', l.resource_id && `${l.resource_type ?? ''} ${l.resource_id}`],
    [
      'From',
      l.ip_address && (
        <span title={l.user_agent ?? undefined}>
          <span className="font-mono text-12">{l.ip_address}</span>{' '}
          {l.user_agent && (browserOf(l.user_agent) || l.user_agent)}
        </span>
      ),
    ],
    ['Request', l.request_id && <CopyValue text={l.request_id} name="request id" />],
  ];
  return (
    <dl className="grid grid-cols-[6rem_minmax(0,1fr)] gap-x-3 gap-y-1">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <Fragment key={name}>
            <dt className="text-ink-2">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}
