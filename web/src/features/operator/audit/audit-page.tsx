import { useCallback, type ReactNode } from 'react';
import { operatorPath, type EventFilter, type StaffFilter } from '@/api/operator';
import { bounds } from '@/features/audit/changes';
import { EventDetail, eventKey, EventLine } from '@/features/audit/event-parts';
import { auditFilter, Choice, DayRange, FilterChip, type Get } from '@/features/audit/filters';
import { LogList } from '@/ui/log-list';
import { csv, download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { DownIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { operatorLinks } from '../links';
import { useTenants } from '../queries';
import { useEvents, useStaffLog } from './queries';
import { actionWords, StaffLineDetail, StaffLineRow } from './staff-lines';

type Narrow = (members: Record<string, string>) => void;

const entities = ['user', 'role', 'tenant', 'device', 'site', 'template', 'api_token', 'organization'];

const eventFilter = (get: Get): EventFilter => {
  const tenant = get('tenant');
  return { ...auditFilter(get), ...(tenant ? { tenant_id: tenant } : {}) };
};

function staffFilter(get: Get): StaffFilter {
  const out: StaffFilter = bounds(get('from'), get('to'));
  const take = (to: keyof StaffFilter, from: string) => {
    const value = get(from);
    if (value) out[to] = value;
  };
  take('search', 'q');
  take('tenant_id', 'tenant');
  take('user_id', 'actor');
  take('action', 'action');
  return out;
}

function Events({ get, narrow, clear }: { get: Get; narrow: Narrow; clear: ReactNode }) {
  const filter = eventFilter(get);
  const source = useEvents(filter);
  return (
    <>
      <p className="num mb-2 text-ink-2" role="status">
        {source.total !== null && many(source.total, 'event')}
      </p>
      <div className="panel">
        <LogList
          source={source}
          what="The audit log"
          keyOf={eventKey}
          line={(e) => <EventLine event={e} />}
          detail={(e) => <EventDetail event={e} links={operatorLinks} narrow={narrow} />}
          empty={
            <Empty title="No event fits" action={clear}>
              Sign-ins, changes and refusals of all tenants stand here, the newest first.
            </Empty>
          }
        />
      </div>
    </>
  );
}

function Staff({ get, narrow, clear }: { get: Get; narrow: Narrow; clear: ReactNode }) {
  const source = useStaffLog(staffFilter(get));
  const save = () =>
    download(
      'staff-log.csv',
      csv(
        ['time', 'user', 'action', 'tenant', 'ip', 'request_id'],
        source.lines.map((l) => [
          l.created_at,
          l.user_name ?? l.user_id,
          l.action,
          l.tenant_filter,
          l.ip_address,
          l.request_id,
        ]),
      ),
    );
  return (
    <>
      <div className="mb-2 flex items-center justify-between gap-3">
        <p className="num text-ink-2" role="status">
          {source.total !== null && many(source.total, 'line')}
        </p>
        <Button
          small
          className="max-sm:hidden"
          disabled={source.lines.length === 0}
          title="What is shown, as CSV"
          onClick={save}
        >
          Export {count(source.lines.length)} shown
        </Button>
      </div>
      <div className="panel">
        <LogList
          source={source}
          what="The log of staff"
          keyOf={(l) => String(l.id)}
          line={(l) => <StaffLineRow line={l} />}
          detail={(l) => <StaffLineDetail line={l} narrow={narrow} />}
          empty={
            <Empty title="No line fits" action={clear}>
              Each look and change of platform staff leaves a line here, written with it.
            </Empty>
          }
        />
      </div>
    </>
  );
}

const filters = [
  'q', 'tenant', 'actor', 'action', 'category', 'severity', 'entity', 'entity_id', 'from', 'to',
];
const staffActions = [
  'list_tenants', 'get_tenant', 'create_tenant', 'update_tenant', 'delete_tenant', 'restore_tenant',
  'purge_tenant', 'list_users', 'get_user', 'create_user', 'update_user', 'disable_user',
  'reset_password', 'assign_role', 'remove_role', 'end_sessions', 'view_audit_log',
];

/** What happened across all tenants, and what staff did. */
export default function AuditLogPage() {
  useTitle('Audit log');
  const { get, set } = useUrl();
  const tenants = useTenants();
  const staff = get('source') === 'staff';
  const search = useCallback((q: string) => set({ q }), [set]);
  const narrow: Narrow = (members) => set(members, false);
  const nothing = () => set(Object.fromEntries(filters.map((name) => [name, null])));
  const filtered = filters.some((name) => get(name));
  const clear = filtered && <Button onClick={nothing}>Show everything</Button>;
  const filter = eventFilter(get);
  const exported = (format: string) =>
    location.assign(operatorPath('/audit-log/export', { ...filter, format }));
  const actor = get('actor');
  const entityId = get('entity_id');
  const action = get('action');
  return (
    <>
      <PageHeader
        title="Audit log"
        actions={
          <>
            <CopyCall
              path={operatorPath(
                '/audit-log',
                staff ? { ...staffFilter(get), source: 'operator' } : { ...filter },
              )}
            />
            {!staff && (
              <Menu
                trigger={
                  <Button>
                    Export <DownIcon />
                  </Button>
                }
              >
                <MenuItem onSelect={() => exported('csv')}>CSV</MenuItem>
                <MenuItem onSelect={() => exported('jsonl')}>JSON lines</MenuItem>
              </Menu>
            )}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <Segmented
          label="Log"
          value={staff ? 'staff' : 'events'}
          // Actions of the two have different names.
          onChange={(v) => set({ source: v === 'staff' ? 'staff' : null, action: null }, false)}
          options={[
            { value: 'events', label: 'Events' },
            { value: 'staff', label: 'What staff did' },
          ]}
        />
        <SearchField
          label="Search the log"
          placeholder={staff ? 'Action, tenant, address, request' : 'Message, name, id, action'}
          value={get('q') ?? ''}
          onChange={search}
          className="sm:w-64"
        />
        <Choice
          label="Tenant"
          none="All tenants"
          value={get('tenant')}
          options={(tenants.data ?? []).map((t) => [t.tenant_id, t.name])}
          onChange={(tenant) => set({ tenant })}
        />
        {staff ? (
          <Choice
            label="Action"
            none="All actions"
            value={action}
            options={staffActions.map((name) => [name, actionWords(name)])}
            onChange={(next) => set({ action: next })}
          />
        ) : (
          <>
            <Choice
              label="Category"
              none="All categories"
              value={get('category')}
              options={['security', 'auth', 'device', 'site', 'template', 'organization'].map((c) => [c, c])}
              onChange={(category) => set({ category })}
            />
            <Choice
              label="Kind of thing"
              none="About anything"
              value={get('entity')}
              options={entities.map((e) => [e, e.replace('_', ' ')])}
              onChange={(entity) => set({ entity })}
            />
          </>
        )}
        <DayRange get={get} set={set} />
        {actor && (
          <FilterChip onRemove={() => set({ actor: null })}>
            Who <span className="max-w-40 truncate font-mono text-12">{actor}</span>
          </FilterChip>
        )}
        {!staff && action && (
          <FilterChip onRemove={() => set({ action: null })}>
            Action <span className="font-mono text-12">{action}</span>
          </FilterChip>
        )}
        {entityId && (
          <FilterChip onRemove={() => set({ entity_id: null })}>
            About <span className="max-w-40 truncate font-mono text-12">{entityId}</span>
          </FilterChip>
        )}
        {filtered && (
          <Button kind="quiet" onClick={nothing}>
            Clear
          </Button>
        )}
      </div>
      {staff ? (
        <Staff get={get} narrow={narrow} clear={clear} />
      ) : (
        <Events get={get} narrow={narrow} clear={clear} />
      )}
    </>
  );
}
