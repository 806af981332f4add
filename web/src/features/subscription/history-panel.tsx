import type { SubscriptionEvent } from '@/api/people';
import { changesIn, otherDetails, shown } from '@/features/audit/changes';
import { ChangeTable } from '@/features/audit/change-table';
import { LogList } from '@/ui/log-list';
import { utc } from '@/lib/time';
import { Panel } from '@/ui/page';
import { Ago } from '@/ui/time';
import { useHistory } from './queries';
import { eventWords } from './states';

const deviceOf = (e: SubscriptionEvent) => (e.details?.device_id ? shown(e.details.device_id) : '');

function Line({ event: e }: { event: SubscriptionEvent }) {
  return (
    <span className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 sm:grid-cols-[6.5rem_minmax(0,1fr)_minmax(0,12rem)]">
      <span className="text-ink-2 max-sm:order-2">
        <Ago at={e.event_timestamp} />
      </span>
      <span className="min-w-0 truncate max-sm:order-1">{eventWords(e.event_type)}</span>
      <span className="truncate text-ink-2 max-sm:order-3 max-sm:text-12">{deviceOf(e)}</span>
    </span>
  );
}

function Detail({ event: e }: { event: SubscriptionEvent }) {
  const changes = changesIn({ before: e.previous_state, after: e.new_state });
  const facts: [string, string][] = [
    ['When', utc(e.event_timestamp)],
    ['Who', e.actor_id ?? e.actor_type ?? 'system'],
    ...otherDetails(e.details),
  ];
  return (
    <div className="flex flex-col gap-3">
      <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-x-3 gap-y-1">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-2">{name.replaceAll('_', ' ')}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
      {changes.length > 0 && <ChangeTable changes={changes} />}
    </div>
  );
}

/** What the subscriptions went through, newest first. */
export function HistoryPanel() {
  const source = useHistory();
  return (
    <Panel title="History" className="mt-4">
      <LogList
        source={source}
        what="The history"
        rows={4}
        keyOf={(e) => String(e.id)}
        line={(e) => <Line event={e} />}
        detail={(e) => <Detail event={e} />}
        empty={
          <p className="px-3 py-3 text-ink-2">
            Nothing yet. A subscription begins with the device that is added.
          </p>
        }
      />
    </Panel>
  );
}
