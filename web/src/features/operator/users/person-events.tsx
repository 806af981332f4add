import type { Person } from '@/api/operator';
import { EventsPanel } from '../audit/events-panel';

/** What was done by a person, and what was done to the account. */
export function PersonEvents({ person: p }: { person: Person }) {
  return (
    <>
      <EventsPanel
        title={`Done by ${p.username}`}
        filter={{ actor_id: p.id }}
        all={{ actor: p.id }}
        columns="tenant"
        empty="Nothing yet."
      />
      <EventsPanel
        title="Done to this account"
        filter={{ entity_type: 'user', entity_id: p.id }}
        all={{ entity: 'user', entity_id: p.id }}
        columns="actor"
        empty="Nothing yet."
      />
    </>
  );
}
