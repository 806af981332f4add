import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { operatorApi, type Person, type RealmRole } from '@/api/operator';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { useRefreshOperator } from '../queries';
import { useStaff } from '../staff';
import { roleNames } from './person-mark';

const ofTenant: [RealmRole, string][] = [
  ['customer', 'May sign in to the tenant and do what its own roles allow.'],
  ['tenant-admin', 'Holds every permission of its tenant.'],
];
const ofStaff: [RealmRole, string][] = [
  ['operator', 'Looks into all tenants; each look is logged.'],
  ['operator-admin', 'Changes tenants and users, and makes operators.'],
];

/** Why a role can't be given to or taken from this person now, or nothing. */
export function hindrance(
  person: Pick<Person, 'roles' | 'tenant_id'>,
  role: RealmRole,
  self: boolean,
): string | undefined {
  const has = person.roles.includes(role);
  if (self && has && role.startsWith('operator')) return 'Nobody takes their own operator role.';
  if (!has && role.startsWith('operator') && person.tenant_id) return 'Staff belong to no tenant.';
  if (!has && !role.startsWith('operator') && !person.tenant_id) return 'Assign a tenant first.';
  return undefined;
}

/** The roles of the realm; what a tenant's own roles allow is that tenant's business. */
export function PersonRoles({ person: p, self }: { person: Person; self: boolean }) {
  const { admin, why } = useStaff();
  const refresh = useRefreshOperator();
  const [taking, setTaking] = useState<RealmRole | null>(null);
  const give = useMutation({
    mutationFn: (role: RealmRole) => operatorApi.giveRole(p.id, role),
    onSuccess: (_said, role) => toast.success(`${p.username} is ${roleNames[role]} now`),
    onError: (error) => toast.error(asApiError(error).message),
    onSettled: refresh,
  });
  const take = useMutation({
    mutationFn: (role: RealmRole) => operatorApi.takeRole(p.id, role),
    onSuccess: (_said, role) => {
      toast.success(`${roleNames[role]} is taken from ${p.username}`);
      setTaking(null);
      refresh();
    },
  });
  const shown = p.tenant_id
    ? ofTenant
    : p.roles.some((r) => r.startsWith('operator'))
      ? ofStaff
      : [...ofTenant, ...ofStaff];
  return (
    <Panel title="Roles">
      <ul>
        {shown.map(([role, text]) => {
          const has = p.roles.includes(role);
          const stop = why ?? hindrance(p, role, self);
          return (
            <li
              key={role}
              data-role={role}
              className="flex items-center justify-between gap-4 border-b px-3 py-2 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="font-medium">
                  {roleNames[role]}{' '}
                  <span className="font-mono text-12 font-normal text-ink-3">{role}</span>
                </p>
                <p className="text-ink-2">{text}</p>
              </div>
              <div className="flex shrink-0 items-center gap-2">
                {has && (
                  <span className="text-online">
                    <span aria-hidden="true">✓ </span>Held
                  </span>
                )}
                <Button
                  small
                  kind={has ? 'quiet' : 'plain'}
                  disabled={!admin || stop !== undefined}
                  title={stop}
                  busy={give.isPending && give.variables === role}
                  aria-label={`${has ? 'Take' : 'Give'} ${roleNames[role]}`}
                  onClick={() => {
                    take.reset();
                    if (has) setTaking(role);
                    else give.mutate(role);
                  }}
                >
                  {has ? 'Take' : 'Give'}
                </Button>
              </div>
            </li>
          );
        })}
      </ul>
      {taking && (
        <Confirm
          title={`Take ${roleNames[taking]} from ${p.username}?`}
          action="Take the role"
          busy={take.isPending}
          error={take.error}
          onConfirm={() => take.mutate(taking)}
          onClose={() => setTaking(null)}
        >
          <p>All sessions of {p.username} end, so that nothing is done with the role any more.</p>
        </Confirm>
      )}
    </Panel>
  );
}
