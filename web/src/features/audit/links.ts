// Where what an event of the organization names has its page.
import type { EventLinks } from './event-parts';

const at = (room: string) => (id: string) => `/${room}/${encodeURIComponent(id)}`;
const rooms: Record<string, (id: string) => string> = {
  user: at('team'),
  role: at('roles'),
  device: at('devices'),
  site: at('sites'),
  device_group: at('device-groups'),
  template: () => '/templates',
  organization: () => '/settings/organization',
  api_token: () => '/settings/access',
  service_account: () => '/settings/access',
};

/** Links of a tenant's own pages. */
export const ownLinks: EventLinks = {
  person: at('team'),
  thing: (type, id) => rooms[type]?.(id) ?? null,
};
