import type { Person, RealmRole } from '@/api/operator';
import { StatusShape } from '@/ui/status';

/** What the realm's roles are called. */
export const roleNames: Record<RealmRole, string> = {
  customer: 'Member',
  'tenant-admin': 'Administrator',
  operator: 'Operator',
  'operator-admin': 'Operator admin',
};

const strength: RealmRole[] = ['operator-admin', 'operator', 'tenant-admin', 'customer'];

/** The strongest role, which implies the others. */
export const topRole = (roles: readonly RealmRole[]): RealmRole | null =>
  strength.find((role) => roles.includes(role)) ?? null;

export const fullName = (p: Pick<Person, 'first_name' | 'last_name' | 'username'>): string =>
  [p.first_name, p.last_name].filter(Boolean).join(' ') || p.username;

/** Whether a person may sign in: shape, colour and word. */
export function PersonMark({ enabled }: { enabled: boolean }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap ${enabled ? 'text-online' : 'text-offline'}`}
    >
      <StatusShape status={enabled ? 'ONLINE' : 'OFFLINE'} />
      {enabled ? 'Enabled' : 'Disabled'}
    </span>
  );
}
