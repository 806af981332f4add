import { EventsPanel } from '../audit/events-panel';

/** What happened in a tenant, and what staff did to it. */
export function TenantEvents({ tenant }: { tenant: string }) {
  return (
    <EventsPanel
      title="Audit"
      filter={{ tenant_id: tenant }}
      all={{ tenant }}
      columns="actor"
      empty="Nothing happened yet."
    />
  );
}
