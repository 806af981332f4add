import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { people, type Member } from '@/api/people';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import ActivityPanel from '@/features/audit/activity-panel';
import { nameOf } from '@/features/people/names';
import { peopleKeys, useAssignments, useMember, useRoles } from '@/features/people/queries';
import { SessionRow } from '@/features/people/session-row';
import { many } from '@/lib/numbers';
import { useCrumbName } from '@/shell/crumb-name';
import { Button, ButtonLink } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { Link } from 'react-router';
import { actionsOf } from './grants';
import { MemberDialogs, MemberMenuItems, useMemberDialog } from './member-actions';
import { isAdmin, MemberStatus } from './member-parts';
import { useTraces } from './queries';
import { stateOf } from './status';

function Roles({ member, onChange }: { member: Member; onChange: (() => void) | null }) {
  const sees = usePermissions().may(needs.roles);
  const assigned = useAssignments(member.id);
  const roles = useRoles();
  const held = roles.data?.filter((r) => assigned.data?.some((a) => a.role_id === r.id)) ?? [];
  const total = actionsOf(held).size;
  return (
    <Panel
      title="Roles"
      aside={
        onChange && (
          <GatedButton small needs={needs.roles} onClick={onChange}>
            Change
          </GatedButton>
        )
      }
    >
      {isAdmin(member) && (
        <p className="border-b px-3 py-2 last:border-b-0">
          <span className="font-medium">Administrator</span>
          <span className="block text-12 text-ink-2">Holds every permission of the organization.</span>
        </p>
      )}
      {!sees ? (
        !isAdmin(member) && (
          <p className="px-3 py-2 text-ink-2">Who may assign roles sees which.</p>
        )
      ) : assigned.error && !assigned.data ? (
        <Failure error={assigned.error} what="Roles" retry={() => void assigned.refetch()} />
      ) : assigned.isPending ? (
        <SkeletonRows rows={2} label="Loading roles" />
      ) : (
        <ul>
          {assigned.data.map((a) => (
            <li key={a.id} className="flex items-baseline justify-between gap-3 border-b px-3 py-1.5">
              <Link
                to={`/roles/${encodeURIComponent(a.role_id)}`}
                className="min-w-0 truncate font-medium hover:underline"
              >
                {a.role_name}
              </Link>
              <span className="shrink-0 text-12 text-ink-3">
                since <Ago at={a.assigned_at} />
              </span>
            </li>
          ))}
          <li className="num px-3 py-1.5 text-12 text-ink-2">
            {assigned.data.length === 0
              ? isAdmin(member)
                ? 'No role beside.'
                : 'No role yet: Viewer from the first sign-in on.'
              : `${many(total, 'permission')} in all`}
          </li>
        </ul>
      )}
    </Panel>
  );
}

function Sessions({ member, onEnd }: { member: Member; onEnd: () => void }) {
  const sessions = useQuery({
    queryKey: peopleKeys.sessionsOf(member.id),
    queryFn: () => people.sessionsOf(member.id),
  });
  return (
    <Panel
      title="Signed in"
      aside={
        (sessions.data?.length ?? 0) > 0 && (
          <GatedButton small kind="danger" needs={needs.editMember} onClick={onEnd}>
            Sign out everywhere
          </GatedButton>
        )
      }
    >
      {sessions.error && !sessions.data ? (
        <Failure error={sessions.error} what="Sessions" retry={() => void sessions.refetch()} />
      ) : sessions.isPending ? (
        <SkeletonRows rows={2} label="Loading sessions" />
      ) : sessions.data.length === 0 ? (
        <p className="px-3 py-2 text-ink-2">Signed in nowhere.</p>
      ) : (
        <ul>
          {sessions.data.map((s) => (
            <SessionRow key={s.id} session={s} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** One person of the team: what they may do, where they are signed in, and what they did. */
export default function MemberPage() {
  const { userId = '' } = useParams();
  const { user } = useSession();
  const member = useMember(userId);
  const traces = useTraces();
  const dialog = useMemberDialog();
  const name = member.data && nameOf(member.data);
  useTitle(name ?? 'Team');
  useCrumbName(`/team/${userId}`, name);
  if (member.error && !member.data)
    return (
      <div className="panel">
        {asApiError(member.error).status === 404 ? (
          <Empty
            title="This person is not in the organization"
            action={
              <ButtonLink kind="primary" to="/team">
                The team
              </ButtonLink>
            }
          >
            Removed people leave the team; what they did stays in the{' '}
            <Link
              className="text-accent underline underline-offset-2"
              to={`/activity-log?actor=${encodeURIComponent(userId)}`}
            >
              activity log
            </Link>
            .
          </Empty>
        ) : (
          <Failure error={member.error} what="The person" retry={() => void member.refetch()} />
        )}
      </div>
    );
  if (!member.data)
    return (
      <div role="status" aria-label="Loading the person" className="flex flex-col gap-4">
        <Skeleton className="h-7 w-64" />
        <Skeleton className="h-40" />
      </div>
    );
  const m = member.data;
  const me = m.email.toLowerCase() === user.email.toLowerCase();
  const state = stateOf(m, traces);
  return (
    <>
      <PageHeader
        title={nameOf(m)}
        facts={
          <>
            <MemberStatus state={state} />
            <CopyValue text={m.email} name="email" />
            <span>
              signed in <Ago at={traces.signIns.get(m.id)} />
            </span>
          </>
        }
        actions={
          <>
            <CopyCall path={callPath(`/users/${encodeURIComponent(m.id)}`)} />
            {state === 'disabled' || me ? null : (
              <GatedButton needs={needs.roles} onClick={() => dialog.show(m, 'roles')}>
                Change roles
              </GatedButton>
            )}
            <Menu
              trigger={
                <Button aria-label="More actions">
                  <MoreIcon />
                </Button>
              }
            >
              <MemberMenuItems
                member={m}
                me={me}
                state={state}
                onOpen={(which) => dialog.show(m, which)}
              />
            </Menu>
          </>
        }
      />
      {state === 'invited' && (
        <p role="note" className="mb-3 rounded-m bg-stale-soft px-3 py-2 text-stale">
          Invited <Ago at={traces.invited.get(m.id)} />, and not come yet. The link works once and for a
          limited time; the menu sends a new one.
        </p>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-last">
          <ActivityPanel
            title="What they did"
            filter={{ actor_id: m.id }}
            empty="Nothing yet."
          />
          <ActivityPanel
            title="What was done about them"
            filter={{ entity_type: 'user', entity_id: m.id }}
            empty="Nothing yet."
          />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Roles member={m} onChange={me ? null : () => dialog.show(m, 'roles')} />
          <Sessions member={m} onEnd={() => dialog.show(m, 'sessions')} />
          <Panel title="Details">
            <dl className="grid grid-cols-[6rem_minmax(0,1fr)] gap-x-3 gap-y-1.5 px-3 py-2.5">
              <dt className="text-ink-2">Username</dt>
              <dd>
                <CopyValue text={m.username} name="username" />
              </dd>
              <dt className="text-ink-2">User id</dt>
              <dd className="min-w-0">
                <CopyValue text={m.id} name="user id" />
              </dd>
              <dt className="text-ink-2">Added</dt>
              <dd>
                <Ago at={m.created_at ? new Date(m.created_at).toISOString() : null} never="–" />
              </dd>
            </dl>
          </Panel>
        </div>
      </div>
      {dialog.open && (
        <MemberDialogs
          member={m}
          state={state}
          open={dialog.open.dialog}
          onClose={dialog.close}
        />
      )}
    </>
  );
}
