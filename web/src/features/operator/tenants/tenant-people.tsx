import { useState } from 'react';
import { Link } from 'react-router';
import type { Tenant } from '@/api/operator';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { peopleOf, personLink } from '../links';
import { usePeople } from '../queries';
import { useStaff } from '../staff';
import { fullName, PersonMark, roleNames, topRole } from '../users/person-mark';
import { InviteAdmin } from './invite-admin';

const most = 8;

/** Who belongs to a tenant: administrators first. */
export function TenantPeople({ tenant }: { tenant: Tenant }) {
  const people = usePeople(tenant.tenant_id);
  const { admin, why } = useStaff();
  const [inviting, setInviting] = useState(false);
  const all = [...(people.data ?? [])].sort(
    (a, b) =>
      Number(b.roles.includes('tenant-admin')) - Number(a.roles.includes('tenant-admin')) ||
      fullName(a).localeCompare(fullName(b)),
  );
  const deleted = tenant.status === 'DELETED';
  const invite = (
    <Button
      small
      disabled={!admin || deleted}
      title={why ?? (deleted ? 'Restore the tenant first.' : undefined)}
      onClick={() => setInviting(true)}
    >
      Invite administrator
    </Button>
  );
  return (
    <Panel title="People" aside={invite}>
      {people.error && !people.data ? (
        <Failure error={people.error} what="People" retry={() => void people.refetch()} />
      ) : people.isPending ? (
        <SkeletonRows rows={3} label="Loading people" />
      ) : all.length === 0 ? (
        <Empty title="Nobody yet">
          Invite the first administrator: they get an email, choose a password and invite the others.
        </Empty>
      ) : (
        <ul>
          {all.slice(0, most).map((p) => {
            const role = topRole(p.roles);
            return (
              <li
                key={p.id}
                className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-1.5 last:border-b-0 hover:bg-surface-2 sm:grid-cols-[minmax(0,1.2fr)_minmax(0,1.4fr)_8rem_6rem]"
              >
                <Link to={personLink(p.id)} className="truncate font-medium hover:underline">
                  {fullName(p)}
                </Link>
                <span className="truncate text-ink-2 max-sm:order-last max-sm:text-12">{p.email}</span>
                <span className="text-ink-2 max-sm:hidden">{role ? roleNames[role] : 'No role'}</span>
                <PersonMark enabled={p.enabled} />
              </li>
            );
          })}
          {all.length > most && (
            <li className="px-3 py-2">
              <Link
                to={peopleOf(tenant.tenant_id)}
                className="text-accent underline underline-offset-2"
              >
                All {many(all.length, 'person', 'people')}
              </Link>
            </li>
          )}
        </ul>
      )}
      {inviting && <InviteAdmin tenant={tenant} onClose={() => setInviting(false)} />}
    </Panel>
  );
}
