import { useMutation } from '@tanstack/react-query';
import { Link } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { groupsApi } from '@/api/groups';
import type { DeviceGroup } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { deviceLink } from '@/features/devices/readings';
import { useSites } from '@/features/sites/queries';
import { Panel } from '@/ui/page';
import { ShowMore } from '@/ui/show-more';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { useMembers, useRefreshGroups } from './queries';

/** Who belongs to a group. */
export function Members({ group, onAdd }: { group: DeviceGroup; onAdd: () => void }) {
  const members = useMembers(group.group_id);
  const sites = useSites();
  const refresh = useRefreshGroups();
  const byHand = group.group_type === 'static';
  const add = useMutation({
    mutationFn: (id: string) => groupsApi.addMember(group.group_id, id),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (id: string) => groupsApi.removeMember(group.group_id, id),
    onSuccess: (_, id) =>
      toast(`${id} is out of ${group.name}`, {
        duration: 12_000,
        action: { label: 'Undo', onClick: () => add.mutate(id) },
      }),
    onError: (error) => toast.error(asApiError(error).message),
    onSettled: refresh,
  });
  const nameOf = (id: string) => sites.data?.find((s) => s.site_id === id)?.name ?? id;
  return (
    <Panel
      title="Devices"
      aside={
        <Link
          to={`/devices?q=${encodeURIComponent(`group:${group.group_id}`)}`}
          className="text-accent hover:underline"
        >
          Open in the list
        </Link>
      }
    >
      {members.error && members.lines.length === 0 ? (
        <Failure error={members.error} what="The members" retry={members.retry} />
      ) : members.pending ? (
        <SkeletonRows rows={6} label="Loading members" />
      ) : members.lines.length === 0 ? (
        byHand ? (
          <Empty
            title="No device is in this group yet"
            action={
              <GatedButton needs={needs.writeGroup} kind="primary" onClick={onAdd}>
                Add devices
              </GatedButton>
            }
          />
        ) : (
          <Empty title="No device fits this query now">
            Those that fit later come in by themselves.
          </Empty>
        )
      ) : (
        <ul>
          {members.lines.map((d) => (
            <li
              key={d.device_id}
              className="grid grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-x-4 border-b px-3 py-1 last:border-b-0 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_minmax(0,12rem)_9rem_5rem]"
            >
              <Link to={deviceLink(d.device_id)} className="min-w-0 truncate py-1 hover:underline">
                {d.name}{' '}
                {d.name !== d.device_id && (
                  <span className="font-mono text-12 text-ink-3">{d.device_id}</span>
                )}
              </Link>
              <span className="hidden truncate text-ink-2 md:block">{nameOf(d.site_id)}</span>
              <StatusMark status={d.status} />
              {byHand ? (
                <GatedButton
                  needs={needs.writeGroup}
                  small
                  kind="quiet"
                  aria-label={`Remove ${d.name}`}
                  busy={remove.isPending && remove.variables === d.device_id}
                  onClick={() => remove.mutate(d.device_id)}
                >
                  Remove
                </GatedButton>
              ) : (
                <span />
              )}
            </li>
          ))}
        </ul>
      )}
      <ShowMore source={members} />
    </Panel>
  );
}
