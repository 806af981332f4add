import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { groupsApi } from '@/api/groups';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { many } from '@/lib/numbers';
import { ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Tag } from '@/ui/page';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { AddMembers } from './add-members';
import { lineOf } from './filter-line';
import { GroupDialog } from './group-dialog';
import { Members } from './members';
import { useGroups, useRefreshGroups } from './queries';

export default function GroupPage() {
  const { groupId = '' } = useParams();
  const navigate = useNavigate();
  const groups = useGroups();
  const refresh = useRefreshGroups();
  const [open, setOpen] = useState<'edit' | 'add' | 'delete' | null>(null);
  const group = groups.data?.find((g) => g.group_id === groupId);
  useTitle(group?.name ?? groupId);
  const remove = useMutation({
    mutationFn: groupsApi.remove,
    onSuccess: (_, gone) => {
      toast.success(`${gone.name} is deleted`);
      void navigate('/device-groups');
      refresh();
    },
  });
  const close = () => setOpen(null);

  if (groups.error && !groups.data)
    return (
      <div className="panel">
        <Failure error={groups.error} what="The group" retry={() => void groups.refetch()} />
      </div>
    );
  if (groups.isPending) return <Skeleton className="h-7 w-64" />;
  if (!group)
    return (
      <div className="panel">
        <Empty
          title={`There is no group ${groupId}`}
          action={
            <ButtonLink kind="primary" to="/device-groups">
              All groups
            </ButtonLink>
          }
        />
      </div>
    );
  const dynamic = group.group_type === 'dynamic';
  return (
    <>
      <PageHeader
        title={group.name}
        facts={
          <>
            <CopyValue text={group.group_id} name="group id" />
            <Tag>{group.group_type}</Tag>
            <span>{many(group.member_count, 'device')}</span>
          </>
        }
        actions={
          <>
            <CopyCall path={callPath(`/device-groups/${encodeURIComponent(groupId)}/members`)} />
            {!dynamic && (
              <GatedButton needs={needs.writeGroup} kind="primary" onClick={() => setOpen('add')}>
                Add devices
              </GatedButton>
            )}
            <GatedButton needs={needs.writeGroup} onClick={() => setOpen('edit')}>
              Edit
            </GatedButton>
            <GatedButton needs={needs.writeGroup} kind="danger" onClick={() => setOpen('delete')}>
              Delete
            </GatedButton>
          </>
        }
      />
      {group.description && <p className="mb-3 text-ink-2">{group.description}</p>}
      {dynamic && (
        <p className="mb-3 overflow-x-auto rounded-m border bg-surface px-3 py-2">
          <code className="font-mono text-12">{lineOf(group.query_filter) || 'every device'}</code>
        </p>
      )}
      <Members group={group} onAdd={() => setOpen('add')} />
      <ActivityPanel className="mt-4" filter={{ entity_type: 'device_group', entity_id: groupId }} />
      {open === 'edit' && <GroupDialog group={group} onClose={close} />}
      {open === 'add' && <AddMembers group={group} onClose={close} />}
      {open === 'delete' && (
        <Confirm
          title={`Delete ${group.name}?`}
          action={`Delete ${group.name}`}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(group)}
          onClose={close}
        >
          <p>
            {dynamic ? 'The query goes' : `The list of its ${many(group.member_count, 'device')} goes`}
            ; the devices stay as they are. This can't be undone.
          </p>
        </Confirm>
      )}
    </>
  );
}
