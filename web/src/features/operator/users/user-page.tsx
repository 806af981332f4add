import { Link, useParams } from 'react-router';
import { ApiError } from '@/api/errors';
import { operatorPath } from '@/api/operator';
import { useSession } from '@/auth/session';
import { useCrumbName } from '@/shell/crumb-name';
import { ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { CopyValue } from '@/ui/copy';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { Facts } from '../facts';
import { personLink, tenantLink } from '../links';
import { usePerson, useTenants } from '../queries';
import { PersonActions } from './person-actions';
import { PersonEvents } from './person-events';
import { fullName, PersonMark } from './person-mark';
import { PersonRoles } from './person-roles';
import { PersonSessions } from './person-sessions';

/** Everything about one person. */
export default function UserPage() {
  const id = useParams().userId!;
  const query = usePerson(id);
  const tenants = useTenants();
  const { user } = useSession();
  const p = query.data;
  useTitle(p ? fullName(p) : 'User');
  useCrumbName(personLink(id), p && fullName(p));
  if (!p) {
    if (query.error instanceof ApiError && query.error.status === 404)
      return (
        <div className="panel">
          <Empty
            title="There is no such user"
            action={<ButtonLink to="/operator/users">All users</ButtonLink>}
          >
            The account was deleted, or the address is wrong. What was done by it stays in the audit
            log.
          </Empty>
        </div>
      );
    if (query.error)
      return (
        <div className="panel">
          <Failure error={query.error} what="The user" retry={() => void query.refetch()} />
        </div>
      );
    return (
      <div role="status" aria-label="Loading user" className="flex flex-col gap-4">
        <Skeleton className="h-7 w-64" />
        <div className="panel">
          <SkeletonRows rows={6} />
        </div>
      </div>
    );
  }
  const self = p.email === user.email;
  const tenant = tenants.data?.find((t) => t.tenant_id === p.tenant_id);
  return (
    <>
      <PageHeader
        title={fullName(p)}
        facts={
          <>
            <PersonMark enabled={p.enabled} />
            {self && <span>you</span>}
          </>
        }
        actions={
          <>
            <CopyCall path={operatorPath(`/users/${p.id}`)} />
            <PersonActions person={p} self={self} />
          </>
        }
      />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-last">
          <PersonSessions person={p} />
          <PersonEvents person={p} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Panel title="Facts">
            <Facts
              of={[
                ['Username', p.username],
                [
                  'Email',
                  <span key="email">
                    {p.email}
                    <span className="block text-12 text-ink-2">
                      {p.email_verified ? '✓ verified' : 'not verified'}
                    </span>
                  </span>,
                ],
                [
                  'Tenant',
                  p.tenant_id ? (
                    <Link
                      key="tenant"
                      to={tenantLink(p.tenant_id)}
                      className="text-accent underline underline-offset-2"
                    >
                      {tenant?.name ?? p.tenant_id}
                    </Link>
                  ) : p.roles.some((r) => r.startsWith('operator')) ? (
                    'None: staff'
                  ) : (
                    'None'
                  ),
                ],
                ['User id', <CopyValue key="id" text={p.id} name="user id" />],
                [
                  'Created',
                  p.created_at && <Ago key="created" at={new Date(p.created_at).toISOString()} />,
                ],
              ]}
            />
          </Panel>
          <PersonRoles person={p} self={self} />
        </div>
      </div>
    </>
  );
}
