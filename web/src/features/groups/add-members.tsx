import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { groupsApi } from '@/api/groups';
import type { DeviceGroup } from '@/api/types';
import { forEach } from '@/lib/for-each';
import { count, many } from '@/lib/numbers';
import { quoted } from '@/lib/query-line';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SearchField } from '@/ui/search-field';
import { StatusMark } from '@/ui/status';
import { useRefreshGroups } from './queries';

const shown = 50;

/** Searches devices that are not in the group, and puts the chosen ones in. */
export function AddMembers({ group, onClose }: { group: DeviceGroup; onClose: () => void }) {
  const refresh = useRefreshGroups();
  const [line, setLine] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [through, setThrough] = useState<number | null>(null);
  const query = `${line} -group:${quoted(group.group_id)}`.trim();
  const found = useQuery({
    queryKey: ['devices', 'preview', query],
    queryFn: ({ signal }) => api.devices({ q: query }, shown, 0, signal),
    retry: false,
  });
  const error = found.error ? asApiError(found.error) : null;
  const add = async () => {
    setThrough(0);
    const { done, failed } = await forEach(
      [...chosen],
      (id) => groupsApi.addMember(group.group_id, id),
      setThrough,
    );
    setThrough(null);
    refresh();
    if (failed.length > 0) {
      setChosen(new Set(failed.map((f) => f.id)));
      toast.error(
        `${many(failed.length, 'device')} could not be added: ${asApiError(failed[0]!.error).message}`,
      );
      return;
    }
    toast.success(`${many(done.length, 'device')} added to ${group.name}`);
    onClose();
  };
  const toggle = (id: string) =>
    setChosen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <Dialog open wide onClose={onClose} dirty={chosen.size > 0} title={`Add devices to ${group.name}`}>
      <DialogForm
        submit={
          through === null
            ? chosen.size === 0
              ? 'Add devices'
              : `Add ${many(chosen.size, 'device')}`
            : `${through} of ${chosen.size}`
        }
        busy={through !== null}
        onCancel={onClose}
        onSubmit={() => {
          if (chosen.size > 0) void add();
        }}
      >
        <SearchField
          label="Search devices"
          placeholder="pump tag:pilot"
          value={line}
          onChange={setLine}
          className="sm:w-full"
        />
        {error ? (
          <p role="alert" className="text-12 text-critical">
            <span aria-hidden="true">▲ </span>
            {error.message}
          </p>
        ) : (
          <ul aria-label="Devices found" className="max-h-72 min-h-24 overflow-y-auto rounded-m border">
            {found.data?.devices.map((d) => (
              <li key={d.device_id} className="border-b last:border-b-0">
                <label className="flex min-w-0 cursor-pointer items-center gap-3 px-3 py-1.5 hover:bg-surface-2">
                  <input
                    type="checkbox"
                    checked={chosen.has(d.device_id)}
                    onChange={() => toggle(d.device_id)}
                    className="size-3.5 accent-(--accent)"
                  />
                  <span className="min-w-0 flex-1 truncate">
                    {d.name ?? d.device_id}{' '}
                    <span className="font-mono text-12 text-ink-3">{d.device_id}</span>
                  </span>
                  <StatusMark status={d.status} />
                </label>
              </li>
            ))}
            {found.data?.total === 0 && (
              <li className="px-3 py-2 text-ink-2">No device outside the group fits.</li>
            )}
            {found.data && found.data.total > shown && (
              <li className="num px-3 py-2 text-12 text-ink-3">
                {count(found.data.total - shown)} more: narrow the search
              </li>
            )}
          </ul>
        )}
      </DialogForm>
    </Dialog>
  );
}
