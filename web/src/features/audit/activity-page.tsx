import { useCallback } from 'react';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { auditExport } from '@/api/people';
import { usePermissions } from '@/auth/permissions';
import { needs } from '@/auth/needs';
import { nameOf } from '@/features/people/names';
import { useLimits, useMembers } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { DownIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { EventDetail, eventKey, EventLine } from './event-parts';
import { auditFilter, Choice, DayRange, FilterChip } from './filters';
import { ownLinks } from './links';
import { LogList } from '@/ui/log-list';
import { useAuditLog } from './queries';

const filters = ['q', 'actor', 'action', 'category', 'severity', 'entity', 'entity_id', 'from', 'to'];
const categories = ['security', 'auth', 'device', 'site', 'template', 'organization', 'audit_log'];
const entities = [
  'user', 'role', 'api_token', 'service_account', 'device', 'site', 'template', 'organization',
];
const words = (name: string): [string, string] => [name, name.replaceAll('_', ' ')];

/** Who did what in the organization, and what was refused. */
export default function ActivityPage() {
  useTitle('Activity log');
  const { get, set } = useUrl();
  const filter = auditFilter(get);
  const source = useAuditLog(filter);
  const seesTeam = usePermissions().may(needs.seeTeam);
  const tier = useLimits().data;
  const members = useMembers('', 0, 200).data?.users ?? [];
  const search = useCallback((q: string) => set({ q }), [set]);
  const nothing = () => set(Object.fromEntries(filters.map((name) => [name, null])));
  const filtered = filters.some((name) => get(name));
  const actor = get('actor');
  const action = get('action');
  const entityId = get('entity_id');
  const knownActor = members.some((m) => m.id === actor);
  return (
    <>
      <PageHeader
        title="Activity log"
        facts={
          <span role="status">{source.total !== null && many(source.total, 'event')}</span>
        }
        actions={
          <>
            <CopyCall path={callPath('/audit-log', { ...filter })} />
            {tier?.features.audit_log_export === false ? (
              <Button
                aria-disabled
                className="cursor-not-allowed! border-dashed text-ink-3!"
                title={`Not included in tier ${tier.tier_name ?? ''}`}
                onClick={() => toast(`Export is not included in tier ${tier.tier_name ?? ''}: ask for a larger tier.`)}
              >
                Export <DownIcon />
              </Button>
            ) : (
              <Menu
                trigger={
                  <Button>
                    Export <DownIcon />
                  </Button>
                }
              >
                <MenuItem onSelect={() => location.assign(auditExport(filter, 'csv'))}>CSV</MenuItem>
                <MenuItem onSelect={() => location.assign(auditExport(filter, 'jsonl'))}>
                  JSON lines
                </MenuItem>
              </Menu>
            )}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search the activity log"
          placeholder="Message, name, id, action"
          value={get('q') ?? ''}
          onChange={search}
          className="sm:w-64"
        />
        {seesTeam && (
          <Choice
            label="Who"
            none="Everybody"
            value={knownActor || !actor ? actor : null}
            options={members.map((m) => [m.id, nameOf(m)])}
            onChange={(next) => set({ actor: next })}
          />
        )}
        <Choice
          label="Category"
          none="All categories"
          value={get('category')}
          options={categories.map(words)}
          onChange={(category) => set({ category })}
        />
        <Choice
          label="Kind of thing"
          none="About anything"
          value={get('entity')}
          options={entities.map(words)}
          onChange={(entity) => set({ entity })}
        />
        <Choice
          label="Severity"
          none="Any severity"
          value={get('severity')}
          options={['info', 'warning', 'error', 'critical'].map(words)}
          onChange={(severity) => set({ severity })}
        />
        <DayRange get={get} set={set} />
        {actor && !knownActor && (
          <FilterChip onRemove={() => set({ actor: null })}>
            Who <span className="max-w-40 truncate font-mono text-12">{actor}</span>
          </FilterChip>
        )}
        {action && (
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
      <div className="panel">
        <LogList
          source={source}
          what="The activity log"
          keyOf={eventKey}
          line={(e) => <EventLine event={e} columns="actor" />}
          detail={(e) => (
            <EventDetail event={e} links={ownLinks} narrow={(members) => set(members, false)} />
          )}
          empty={
            <Empty
              title={filtered ? 'No event fits' : 'Nothing has happened yet'}
              action={filtered && <Button onClick={nothing}>Show everything</Button>}
            >
              Sign-ins, changes, use of API tokens and refusals stand here, the newest first: who, when,
              from which address, and what it was before.
            </Empty>
          }
        />
      </div>
    </>
  );
}
