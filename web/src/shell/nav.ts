// The sidebar's entries, by who calls: only pages that exist. A page of a later room adds its line
// here; palette, breadcrumb and keys follow.
import type { CallerKind } from '@/auth/kind';
import { needs } from '@/auth/needs';

export interface NavEntry {
  to: string;
  label: string;
  /** Second key after `g`. */
  key?: string;
  /** Leaves the sidebar when all steps are done or it was dismissed. */
  startOnly?: boolean;
  /** Left out for whom this permission is missing. */
  needs?: string;
  /** Reached from a page of its group, by the palette and by keys; not in the sidebar. */
  aside?: boolean;
}
export interface NavGroup {
  label: string | null;
  entries: NavEntry[];
}

const customer: NavGroup[] = [
  { label: null, entries: [{ to: '/home', label: 'Home', key: 'h' }] },
  {
    label: 'Setup',
    entries: [
      { to: '/fleet/getting-started', label: 'Getting started', key: 'g', startOnly: true },
      { to: '/sites', label: 'Sites', key: 's' },
      { to: '/templates', label: 'Templates', key: 't' },
      { to: '/devices', label: 'Devices', key: 'd' },
      { to: '/device-groups', label: 'Groups', key: 'u' },
      { to: '/devices/wizard', label: 'Set up a device', key: 'w', aside: true },
      { to: '/devices/import', label: 'Import devices', key: 'i', aside: true },
      { to: '/devices/provisioning', label: 'Provisioning keys', aside: true, needs: needs.provisioningKeys },
      { to: '/sensors', label: 'Sensors', aside: true },
    ],
  },
  {
    label: 'Monitor',
    entries: [
      { to: '/live', label: 'Live', key: 'l' },
      { to: '/map', label: 'Map', key: 'm' },
      { to: '/alerts', label: 'Alerts', key: 'a' },
      { to: '/delivery-log', label: 'Delivery log', aside: true },
      { to: '/metrics', label: 'Metrics', aside: true },
    ],
  },
  {
    label: 'Maintain',
    entries: [
      { to: '/updates', label: 'Updates', key: 'o' },
      { to: '/ota/firmware', label: 'Firmware', aside: true },
      { to: '/jobs', label: 'Jobs', key: 'j' },
      { to: '/rules', label: 'Rules', key: 'e' },
      { to: '/escalation-policies', label: 'Escalation', aside: true },
      { to: '/oncall', label: 'On-call', key: 'x', aside: true },
      { to: '/maintenance-windows', label: 'Maintenance', key: 'z', aside: true },
      { to: '/notifications', label: 'Notifications', key: 'n' },
      { to: '/integrations', label: 'Integrations', key: 'v' },
      { to: '/dead-letter', label: 'Dead letters', aside: true },
      { to: '/fleet/tools', label: 'Tools', key: 'c' },
      { to: '/fleet/mqtt-client', label: 'MQTT test client', key: 'q', aside: true },
    ],
  },
  {
    label: 'Organization',
    entries: [
      { to: '/team', label: 'Team', key: 'p', needs: needs.seeTeam },
      { to: '/roles', label: 'Roles', key: 'r', needs: needs.roles },
      { to: '/activity-log', label: 'Activity log', key: 'y' },
      { to: '/subscription', label: 'Subscription', key: 'b' },
      { to: '/settings', label: 'Settings', key: ',' },
      { to: '/settings/profile', label: 'Profile', aside: true },
      { to: '/settings/organization', label: 'Organization', aside: true },
      { to: '/settings/notifications', label: 'Alert digest', aside: true },
      { to: '/settings/certificates', label: 'Certificates', aside: true },
      { to: '/settings/carrier', label: 'Carriers', aside: true },
      { to: '/settings/access', label: 'API tokens', key: 'k', aside: true },
    ],
  },
];

const operator: NavGroup[] = [
  { label: null, entries: [{ to: '/operator', label: 'Overview', key: 'h' }] },
  { label: 'Customers', entries: [{ to: '/operator/tenants', label: 'Tenants', key: 't' }] },
  {
    label: 'People',
    entries: [
      { to: '/operator/users', label: 'Users', key: 'u' },
      { to: '/operator/audit-log', label: 'Audit log', key: 'l' },
    ],
  },
  {
    label: 'Platform',
    entries: [{ to: '/operator/certificates', label: 'Certificates', key: 'c' }],
  },
];

const navigations: Record<CallerKind, NavGroup[]> = { customer, operator };

/** The sidebar of this kind of caller, in its groups. */
export const navigationOf = (kind: CallerKind): NavGroup[] => navigations[kind];

/** The same without the groups, for whom `may` tells what is allowed. */
export const pagesOf = (
  kind: CallerKind,
  may: (permission: string | undefined) => boolean = () => true,
): NavEntry[] => navigationOf(kind).flatMap((group) => group.entries.filter((e) => may(e.needs)));

/**
 * The entry that a path belongs to: the longest that begins it, so that `/operator/tenants` is not
 * the overview's.
 */
export function entryAt(kind: CallerKind, path: string): { group: NavGroup; entry: NavEntry } | null {
  let best: { group: NavGroup; entry: NavEntry } | null = null;
  for (const group of navigationOf(kind))
    for (const entry of group.entries)
      if (
        (path === entry.to || path.startsWith(`${entry.to}/`)) &&
        entry.to.length > (best?.entry.to.length ?? 0)
      )
        best = { group, entry };
  return best;
}
