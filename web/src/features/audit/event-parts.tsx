import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { AuditEvent } from '@/api/people';
import { cx } from '@/lib/cx';
import { utc } from '@/lib/time';
import { CopyValue } from '@/ui/copy';
import { Tag } from '@/ui/page';
import { Ago } from '@/ui/time';
import { changesIn, otherDetails } from './changes';
import { ChangeTable } from './change-table';

const tones: Record<string, [string, string]> = {
  critical: ['text-critical', '▲ critical'],
  error: ['text-critical', '▲ error'],
  warning: ['text-warning', '▲ warning'],
};

/** A key for the list: events have no id of their own. */
export const eventKey = (e: AuditEvent): string =>
  [e.timestamp, e.event_type, e.entity_id, e.request_id].join('|');

/** Columns of a line: what all lines have in common need not stand in each. */
export type EventColumns = 'all' | 'actor' | 'tenant';

const grids: Record<EventColumns, string> = {
  all: 'lg:grid-cols-[6.5rem_minmax(0,1fr)_10rem_9rem_9rem]',
  actor: 'lg:grid-cols-[6.5rem_minmax(0,1fr)_9.5rem_8rem]',
  tenant: 'lg:grid-cols-[6.5rem_minmax(0,1fr)_9.5rem_8rem]',
};

/** An event in one line, or two on a phone. */
export function EventLine({
  event: e,
  columns = 'all',
}: {
  event: AuditEvent;
  columns?: EventColumns;
}) {
  const tone = tones[e.severity];
  return (
    <span className={cx('grid grid-cols-[minmax(0,1fr)_auto] gap-x-4', grids[columns])}>
      <span className="text-ink-2 max-lg:order-2 max-lg:text-right max-lg:text-12">
        <Ago at={e.timestamp} />
      </span>
      <span className="min-w-0 max-lg:order-1">
        <span className="block truncate">
          {tone && <span className={tone[0]}>{tone[1]} </span>}
          {e.message || e.event_type}
        </span>
      </span>
      <span
        className={cx(
          'truncate font-mono text-12 leading-5 text-ink-3',
          columns === 'actor' ? 'max-lg:order-4 max-lg:text-right' : 'max-lg:hidden',
        )}
      >
        {e.event_type}
      </span>
      {columns !== 'tenant' && (
        <span className="truncate text-ink-2 max-lg:order-3 max-lg:text-12">
          {e.actor_name ?? e.actor_type ?? 'system'}
        </span>
      )}
      {columns !== 'actor' && (
        <span className="truncate text-ink-3 max-lg:order-4 max-lg:text-right max-lg:text-12">
          {e.tenant_id ?? 'platform'}
        </span>
      )}
    </span>
  );
}

/** A choice that narrows the list to lines like this one. */
function Narrow({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="text-accent underline underline-offset-2"
    >
      {children}
    </button>
  );
}

/** Where people, tenants and things have their pages; null where there is none. */
export interface EventLinks {
  person: (id: string) => string | null;
  /** Left out where all events are of one tenant. */
  tenant?: (id: string) => string;
  thing?: (type: string, id: string) => string | null;
}

function Linked({ to, children }: { to: string | null | undefined; children: ReactNode }) {
  return to ? (
    <Link to={to} className="text-accent underline underline-offset-2">
      {children}
    </Link>
  ) : (
    children
  );
}

/** Everything that is known of an event. */
export function EventDetail({
  event: e,
  links,
  narrow,
}: {
  event: AuditEvent;
  links: EventLinks;
  /** Sets members of the page's filter; without it there is nothing to narrow. */
  narrow?: (members: Record<string, string>) => void;
}) {
  const changes = changesIn(e.details);
  const facts: [string, ReactNode][] = [
    ['When', <span className="num" key="when">{utc(e.timestamp)}</span>],
    [
      'Who',
      <span key="who" className="flex flex-wrap items-baseline gap-x-3">
        <Linked to={e.actor_type === 'user' && e.actor_id ? links.person(e.actor_id) : null}>
          {e.actor_name ?? e.actor_id ?? e.actor_type ?? 'system'}
        </Linked>
        {e.actor_type === 'service' && <Tag>service account</Tag>}
        {narrow && e.actor_id && (
          <Narrow onClick={() => narrow({ actor: e.actor_id! })}>Only theirs</Narrow>
        )}
      </span>,
    ],
    [
      'Tenant',
      e.tenant_id && links.tenant && (
        <span key="tenant" className="flex flex-wrap items-baseline gap-x-3">
          <Linked to={links.tenant(e.tenant_id)}>{e.tenant_id}</Linked>
          {narrow && <Narrow onClick={() => narrow({ tenant: e.tenant_id! })}>Only its events</Narrow>}
        </span>
      ),
    ],
    [
      'Action',
      <span key="action" className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-mono text-12">{e.event_type}</span> <Tag>{e.category}</Tag>
        {narrow && (
          <Narrow onClick={() => narrow({ action: e.event_type })}>Only this action</Narrow>
        )}
      </span>,
    ],
    [
      'About',
      e.entity_id && (
        <span key="about" className="flex flex-wrap items-baseline gap-x-2">
          {e.entity_type}{' '}
          <Linked to={links.thing?.(e.entity_type ?? '', e.entity_id)}>
            {(e.entity_name ?? '') !== e.entity_id || links.thing?.(e.entity_type ?? '', e.entity_id)
              ? (e.entity_name ?? e.entity_id)
              : null}
          </Linked>
          <CopyValue text={e.entity_id} name={`${e.entity_type ?? 'entity'} id`} />
          {narrow && (
            <Narrow
              onClick={() => narrow({ entity: e.entity_type ?? '', entity_id: e.entity_id! })}
            >
              Only about it
            </Narrow>
          )}
        </span>
      ),
    ],
    ['From', e.ip_address && <span key="ip" className="font-mono text-12">{e.ip_address}</span>],
    ['Request', e.request_id && <CopyValue key="request" text={e.request_id} name="request id" />],
    ...otherDetails(e.details),
  ];
  return (
    <div className="flex flex-col gap-3">
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
      {changes.length > 0 && <ChangeTable changes={changes} />}
    </div>
  );
}
