import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import type { DeviceGroup } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Tag } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { lineOf } from './filter-line';
import { GroupDialog } from './group-dialog';
import { useGroups } from './queries';

function GroupRow({ group: g }: { group: DeviceGroup }) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-b px-3 py-2 last:border-b-0 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_6rem_minmax(0,1.4fr)_8rem]">
      <div className="min-w-0">
        <Link
          to={`/device-groups/${encodeURIComponent(g.group_id)}`}
          className="block truncate font-medium hover:underline"
        >
          {g.name}
        </Link>
        <span className="block truncate font-mono text-12 text-ink-3">{g.group_id}</span>
      </div>
      <span className="justify-self-end md:justify-self-start">
        <Tag>{g.group_type}</Tag>
      </span>
      <span className="min-w-0 truncate text-ink-2">
        {g.group_type === 'dynamic' ? (
          <code className="font-mono text-12">{lineOf(g.query_filter) || 'every device'}</code>
        ) : (
          (g.description ?? '')
        )}
      </span>
      <span className="num text-right text-ink-2">{many(g.member_count, 'device')}</span>
    </li>
  );
}

export default function GroupsPage() {
  useTitle('Groups');
  const groups = useGroups();
  const { get, set } = useUrl();
  const text = get('q') ?? '';
  const low = text.trim().toLowerCase();
  const shown = (groups.data ?? []).filter((g) =>
    [g.name, g.group_id, g.description ?? ''].some((x) => x.toLowerCase().includes(low)),
  );
  const add = (
    <GatedButton needs={needs.writeGroup} kind="primary" onClick={() => set({ new: '1' }, false)}>
      Create group
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Groups"
        facts={groups.data && <span>{many(groups.data.length, 'group')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/device-groups')} />
            {add}
          </>
        }
      />
      {(groups.data?.length ?? 0) > 5 && (
        <input
          data-search
          type="search"
          aria-label="Filter groups"
          value={text}
          onChange={(e) => set({ q: e.target.value })}
          placeholder="Name or id"
          className="mb-2.5 h-8 w-full rounded-m border border-line-strong bg-surface px-2.5 sm:w-80"
        />
      )}
      <div className="panel">
        {groups.error && !groups.data ? (
          <Failure error={groups.error} what="Groups" retry={() => void groups.refetch()} />
        ) : groups.isPending ? (
          <SkeletonRows rows={4} label="Loading groups" />
        ) : groups.data.length === 0 ? (
          <Empty title="No groups yet" action={add}>
            A group gathers devices across sites. Choose its devices by hand, or give a query such
            as <code className="font-mono text-12">tag:pilot temp_c&gt;30</code> and whoever fits is
            in it.
          </Empty>
        ) : shown.length === 0 ? (
          <Empty
            title={`No group is called “${text}”`}
            action={<Button onClick={() => set({ q: null })}>Show all groups</Button>}
          />
        ) : (
          <ul>
            {shown.map((g) => (
              <GroupRow key={g.group_id} group={g} />
            ))}
          </ul>
        )}
      </div>
      {get('new') === '1' && (
        <GroupDialog
          group={null}
          query={get('query') ?? ''}
          onClose={() => set({ new: null, query: null })}
        />
      )}
    </>
  );
}
