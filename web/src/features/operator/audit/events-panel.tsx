import { Link } from 'react-router';
import type { EventFilter } from '@/api/operator';
import { EventDetail, eventKey, EventLine, type EventColumns } from '@/features/audit/event-parts';
import { LogList } from '@/ui/log-list';
import { Panel } from '@/ui/page';
import { operatorLinks } from '../links';
import { useEvents } from './queries';

/** The newest events about one thing, with the way to all of them. */
export function EventsPanel({
  title,
  filter,
  all,
  columns,
  empty,
}: {
  title: string;
  filter: EventFilter;
  /** The query of the audit log's page that shows the same. */
  all: Record<string, string>;
  columns: EventColumns;
  empty: string;
}) {
  const source = useEvents(filter, 10);
  return (
    <Panel
      title={title}
      aside={
        <Link
          to={`/operator/audit-log?${new URLSearchParams(all).toString()}`}
          className="text-accent underline underline-offset-2"
        >
          In the audit log
        </Link>
      }
    >
      <LogList
        source={source}
        what="Events"
        rows={4}
        keyOf={eventKey}
        line={(e) => <EventLine event={e} columns={columns} />}
        detail={(e) => <EventDetail event={e} links={operatorLinks} />}
        empty={<p className="px-3 py-3 text-ink-2">{empty}</p>}
      />
    </Panel>
  );
}
