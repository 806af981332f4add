import { useCallback } from 'react';
import { callPath } from '@/api/customer';
import type { Member } from '@/api/people';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { nameOf } from '@/features/people/names';
import PermissionNote from '@/features/people/permission-note';
import { useMembers } from '@/features/people/queries';
import { csv, download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { DataTable, sorted, type Column } from '@/ui/data-table';
import { Segmented } from '@/ui/field';
import { MoreIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { Link } from 'react-router';
import { InviteDialog, PeopleLimit } from './invite-dialog';
import { MemberDialogs, MemberMenuItems, useMemberDialog } from './member-actions';
import { isAdmin, memberLink, MemberName, MemberStatus, RoleChips } from './member-parts';
import { useTraces } from './queries';
import { stateOf, type MemberState } from './status';

const most = 500;
const madeAt = (m: Member) => (m.created_at ? new Date(m.created_at).toISOString() : null);

function Loading() {
  return (
    <div role="status" aria-label="Loading the team">
      {Array.from({ length: 5 }, (_, i) => (
        <div key={i} className="flex h-12 items-center gap-4 border-b px-3 last:border-b-0">
          <Skeleton className="size-7 rounded-full" />
          <Skeleton className="w-1/4" />
          <Skeleton className="w-1/6" />
          <Skeleton className="w-1/8" />
        </div>
      ))}
    </div>
  );
}

/** The people of the organization: who they are, what they may do, and the way to invite more. */
export default function TeamPage() {
  useTitle('Team');
  const { user } = useSession();
  const maySee = usePermissions().may(needs.seeTeam);
  const { get, set } = useUrl();
  const text = get('q') ?? '';
  const members = useMembers(text, 0, most);
  const traces = useTraces();
  const dialog = useMemberDialog();
  const search = useCallback((q: string) => set({ q }), [set]);
  const isMe = (m: Member) => m.email.toLowerCase() === user.email.toLowerCase();
  const state = (m: Member) => stateOf(m, traces);

  const wanted = get('status');
  const all = members.data?.users ?? [];
  const numbers: Record<MemberState, number> = { active: 0, invited: 0, disabled: 0 };
  for (const m of all) numbers[state(m)] += 1;

  const menu = (m: Member) => (
    <Menu
      trigger={
        <Button small kind="quiet" aria-label={`Actions for ${nameOf(m)}`}>
          <MoreIcon />
        </Button>
      }
    >
      <MemberMenuItems
        member={m}
        me={isMe(m)}
        state={state(m)}
        onOpen={(which) => dialog.show(m, which)}
      />
    </Menu>
  );
  const columns: Column<Member>[] = [
    {
      id: 'name',
      label: 'Person',
      width: 220,
      grows: 1.4,
      by: nameOf,
      cell: (m) => (
        <Link to={memberLink(m.id)} className="block hover:[&_.font-medium]:underline">
          <MemberName member={m} me={isMe(m)} />
        </Link>
      ),
    },
    {
      id: 'roles',
      label: 'Roles',
      width: 220,
      grows: 1.2,
      cell: (m) => <RoleChips member={m} />,
    },
    {
      id: 'status',
      label: 'Status',
      width: 110,
      by: state,
      cell: (m) => <MemberStatus state={state(m)} />,
    },
    {
      id: 'sign_in',
      label: 'Last sign-in',
      width: 120,
      by: (m) => traces.signIns.get(m.id) ?? null,
      cell: (m) => (
        <span className="text-ink-2">
          <Ago at={traces.signIns.get(m.id)} never={traces.pending ? '' : '–'} />
        </span>
      ),
    },
    {
      id: 'added',
      label: 'Added',
      width: 100,
      by: (m) => m.created_at ?? 0,
      cell: (m) => (
        <span className="text-ink-2">
          <Ago at={madeAt(m)} never="–" />
        </span>
      ),
    },
    { id: 'menu', label: '', width: 64, end: true, cell: menu },
  ];
  const sort = get('sort');
  const rows = sorted(
    all.filter((m) => !wanted || state(m) === wanted),
    columns,
    sort,
  );
  const invite = (
    <GatedButton needs={needs.invite} kind="primary" onClick={() => set({ invite: '1' })}>
      Invite people
    </GatedButton>
  );
  const save = () =>
    download(
      'team.csv',
      csv(
        ['name', 'email', 'username', 'administrator', 'status', 'last_sign_in', 'added'],
        rows.map((m) => [
          nameOf(m),
          m.email,
          m.username,
          isAdmin(m) ? 'yes' : 'no',
          state(m),
          traces.signIns.get(m.id) ?? '',
          madeAt(m) ?? '',
        ]),
      ),
    );
  const narrowed = text !== '' || wanted !== null;
  return (
    <>
      <PageHeader
        title="Team"
        facts={members.data && !text && <span>{many(members.data.total, 'person', 'people')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/users', { limit: most, search: text || undefined })} />
            {rows.length > 0 && (
              <Button className="max-sm:hidden" title="What is shown, as CSV" onClick={save}>
                CSV
              </Button>
            )}
            {invite}
          </>
        }
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField
          label="Search the team"
          placeholder="Name, username or email"
          value={text}
          onChange={search}
        />
        <Segmented
          label="Status"
          value={wanted ?? 'all'}
          onChange={(next) => set({ status: next === 'all' ? null : next })}
          options={[
            { value: 'all', label: 'All' },
            { value: 'active', label: `Active ${count(numbers.active)}` },
            { value: 'invited', label: `Invited ${count(numbers.invited)}` },
            { value: 'disabled', label: `Disabled ${count(numbers.disabled)}` },
          ]}
        />
        <PeopleLimit className="w-full sm:ml-auto sm:w-60" />
      </div>
      <div className="panel">
        {!maySee ? (
          <Empty title="The team is not shown to you">
            <PermissionNote permission={needs.seeTeam} />
          </Empty>
        ) : members.error && !members.data ? (
          <Failure error={members.error} what="The team" retry={() => void members.refetch()} />
        ) : members.isPending ? (
          <Loading />
        ) : rows.length === 0 ? (
          <Empty
            title={text ? `Nobody is called “${text}”` : narrowed ? 'Nobody is in this state' : 'Nobody yet'}
            action={
              narrowed ? (
                <Button onClick={() => set({ q: null, status: null })}>Show the whole team</Button>
              ) : (
                invite
              )
            }
          >
            {!narrowed &&
              'Invite the people who run this fleet with you. Each gets roles that say what they may see and change; everything they do stands in the activity log.'}
          </Empty>
        ) : (
          <DataTable
            label="Team"
            className="min-h-0!"
            rows={rows}
            columns={columns}
            keyOf={(m) => m.id}
            to={(m) => memberLink(m.id)}
            sort={sort}
            onSort={(next) => set({ sort: next })}
            narrow={(m) => (
              <span className="flex items-center justify-between gap-3">
                <MemberName member={m} me={isMe(m)} />
                <span className="flex shrink-0 flex-col items-end gap-0.5 text-12">
                  <MemberStatus state={state(m)} />
                  <RoleChips member={m} />
                </span>
              </span>
            )}
          />
        )}
      </div>
      {members.data && members.data.total > most && !text && (
        <p className="mt-2 text-ink-2">
          The first {count(most)} of {count(members.data.total)} are shown; search finds the others.
        </p>
      )}
      {all.length === 1 && !narrowed && (
        <p className="mt-3 max-w-prose text-ink-2">
          You are the only one here. A second administrator keeps the organization reachable when you
          are not.
        </p>
      )}
      {get('invite') === '1' && <InviteDialog onClose={() => set({ invite: null })} />}
      {dialog.open && (
        <MemberDialogs
          member={dialog.open.member}
          state={state(dialog.open.member)}
          open={dialog.open.dialog}
          onClose={dialog.close}
        />
      )}
    </>
  );
}
