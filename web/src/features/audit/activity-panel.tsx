import { Link } from 'react-router';
import type { AuditFilter } from '@/api/people';
import { Panel } from '@/ui/page';
import { EventDetail, eventKey, EventLine } from './event-parts';
import { ownLinks } from './links';
import { LogList } from '@/ui/log-list';
import { useAuditLog } from './queries';

/** Who did what to one thing, or what one person did: the newest, with the way to all of it. */
export default function ActivityPanel({
  title = 'Activity',
  filter,
  empty = 'Nothing has been done to it yet. Changes stand here as they come, with who made them.',
  className,
}: {
  title?: string;
  filter: Pick<AuditFilter, 'entity_type' | 'entity_id' | 'actor_id'>;
  empty?: string;
  className?: string;
}) {
  const source = useAuditLog(filter, 10);
  const all = new URLSearchParams();
  if (filter.entity_type) all.set('entity', filter.entity_type);
  if (filter.entity_id) all.set('entity_id', filter.entity_id);
  if (filter.actor_id) all.set('actor', filter.actor_id);
  return (
    <Panel
      title={title}
      className={className}
      aside={
        <Link
          to={`/activity-log?${all.toString()}`}
          className="text-accent underline underline-offset-2"
        >
          In the activity log
        </Link>
      }
    >
      <LogList
        source={source}
        what="Activity"
        rows={4}
        keyOf={eventKey}
        line={(e) => <EventLine event={e} columns="actor" />}
        detail={(e) => <EventDetail event={e} links={ownLinks} />}
        empty={<p className="px-3 py-3 text-ink-2">{empty}</p>}
      />
    </Panel>
  );
}
