// A change of many devices at once, with a toast that takes it back.
import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { groupsApi, type BulkAction, type BulkParams, type BulkResult, type BulkTarget } from '@/api/groups';
import { many } from '@/lib/numbers';
import { useRefreshDevices } from './queries';

const done: Record<BulkAction, (devices: string, one: boolean, p: BulkParams) => string> = {
  add_tags: (devices, _, p) => `Tagged ${devices} “${p.tags?.join('”, “')}”`,
  remove_tags: (devices, _, p) => `Removed “${p.tags?.join('”, “')}” from ${devices}`,
  move_site: (devices) => `Moved ${devices}`,
  set_template: (devices) => `Changed the template of ${devices}`,
  decommission: (devices, one) => `${devices} ${one ? 'is' : 'are'} decommissioned`,
  restore: (devices, one) =>
    `${devices} ${one ? 'is' : 'are'} back. The credentials were revoked: make new ones.`,
};

/** What a change did, in a sentence; what it left out with the first reason. */
export function told(result: BulkResult, params: BulkParams): string {
  const text = done[result.action](many(result.changed, 'device'), result.changed === 1, params);
  const [first] = result.skipped;
  if (!first) return text;
  const left = many(result.skipped.length, 'device');
  const why = `${first.reason.charAt(0).toLowerCase()}${first.reason.slice(1)}`;
  return `${text}. ${left} left as ${result.skipped.length === 1 ? 'it was' : 'they were'} (${first.device_id}: ${why})`;
}

export function useBulk() {
  const refresh = useRefreshDevices();
  const undo = useMutation({
    mutationFn: (id: string) => groupsApi.undoBulk(id),
    onSuccess: (result) =>
      toast.success(
        `${many(result.changed, 'device')} ${result.changed === 1 ? 'is' : 'are'} as before` +
          (result.skipped.length > 0
            ? `; ${many(result.skipped.length, 'device')} changed since`
            : ''),
        result.note ? { description: result.note, duration: 12_000 } : {},
      ),
    onError: (error) => toast.error(`Not undone: ${asApiError(error).message}`),
    onSettled: refresh,
  });
  return useMutation({
    mutationFn: ({ action, target, params }: { action: BulkAction; target: BulkTarget; params?: BulkParams }) =>
      groupsApi.bulk(action, target, params),
    onSuccess: (result, { params = {} }) => {
      const id = result.undo?.undo_id;
      toast(told(result, params), {
        duration: 12_000,
        ...(result.note && { description: result.note }),
        ...(id && { action: { label: 'Undo', onClick: () => undo.mutate(id) } }),
      });
    },
    onSettled: refresh,
  });
}
