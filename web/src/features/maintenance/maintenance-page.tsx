import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { alerting, type MaintenanceWindow, type Recurrence } from '@/api/alerts';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { useSites } from '@/features/sites/queries';
import { usePolling } from '@/live/hooks';
import { cx } from '@/lib/cx';
import { many } from '@/lib/numbers';
import { dayAndMinute } from '@/lib/time';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { PageHeader } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { coveredHours, days, recurrenceWords } from './words';
import { WindowDialog } from './window-dialog';

/** The week of a recurrence: a line a day, a box an hour. */
function Week({ recurring: r }: { recurring: Recurrence }) {
  return (
    <div
      role="img"
      aria-label={recurrenceWords(r)}
      className="grid w-48 grid-cols-[1.25rem_1fr] items-center gap-x-1"
    >
      {[1, 2, 3, 4, 5, 6, 0].map((d) => (
        <div key={d} className="contents">
          <span className="text-11 leading-3 text-ink-3">{days[d]!.slice(0, 2)}</span>
          <span className="flex h-2 gap-px">
            {coveredHours(r, d).map((on, hour) => (
              <span key={hour} className={cx('h-2 flex-1', on ? 'bg-accent' : 'bg-surface-2')} />
            ))}
          </span>
        </div>
      ))}
    </div>
  );
}

const moment = (iso: string) => dayAndMinute(Date.parse(iso));

function When({ window: w }: { window: MaintenanceWindow }) {
  if (!w.enabled) return <span className="text-ink-3">Switched off</span>;
  if (w.active_now)
    return (
      <span className="text-warning">
        ◆ Now{w.next_end ? `, until ${moment(w.next_end)}` : ', open'}
      </span>
    );
  if (!w.next_start) return <span className="text-ink-3">Over</span>;
  return (
    <span>
      Next <Ago at={w.next_start} /> <span className="num text-ink-3">({moment(w.next_start)})</span>
    </span>
  );
}

function WindowRow({
  window: w,
  onEdit,
  onDelete,
}: {
  window: MaintenanceWindow;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const queries = useQueryClient();
  const sites = useSites();
  const nameOf = (id: string) => sites.data?.find((s) => s.site_id === id)?.name ?? id;
  const turn = useMutation({
    mutationFn: () => alerting.updateWindow(w.window_id, { enabled: !w.enabled }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['maintenance-windows'] }),
    onError: (error) => toast.error(asApiError(error).message),
  });
  const covers = [
    w.site_ids?.length ? w.site_ids.map(nameOf).join(', ') : 'Every site',
    w.device_types?.length ? w.device_types.join(', ') : 'every device type',
  ].join(' · ');
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 gap-y-1.5 border-b px-3 py-2.5 last:border-b-0 md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_12rem_auto]">
      <div className="min-w-0">
        <p className="font-medium break-words">{w.name}</p>
        <p>
          <When window={w} />
        </p>
      </div>
      <div className="order-last col-span-2 min-w-0 text-ink-2 md:order-none md:col-span-1">
        <p>
          {w.recurring
            ? recurrenceWords(w.recurring)
            : `${moment(w.starts_at)} to ${w.ends_at ? moment(w.ends_at) : 'open'}`}
        </p>
        <p className="break-words text-ink-3">{covers}</p>
      </div>
      <div className="hidden md:block">{w.recurring && <Week recurring={w.recurring} />}</div>
      <Menu
        trigger={
          <Button small kind="quiet" aria-label={`Actions for ${w.name}`}>
            <MoreIcon />
          </Button>
        }
      >
        <GatedItem needs={needs.editMaintenance} onSelect={onEdit}>
          Edit
        </GatedItem>
        <GatedItem needs={needs.editMaintenance} onSelect={() => turn.mutate()}>
          {w.enabled ? 'Switch off' : 'Switch on'}
        </GatedItem>
        <GatedItem needs={needs.deleteMaintenance} danger onSelect={onDelete}>
          Delete
        </GatedItem>
      </Menu>
    </li>
  );
}

/** When no alerts open, the next first. */
export default function MaintenancePage() {
  useTitle('Maintenance');
  const { get, set } = useUrl();
  const queries = useQueryClient();
  const polling = usePolling();
  const windows = useQuery({
    queryKey: ['maintenance-windows'],
    queryFn: alerting.windows,
    refetchInterval: polling || 60_000,
  });
  const [deleting, setDeleting] = useState<MaintenanceWindow | null>(null);
  const list = windows.data?.windows ?? [];
  const zone = windows.data?.timezone ?? 'UTC';
  const wanted = get('edit');
  const editing = list.find((w) => w.window_id === wanted) ?? null;
  const add = (
    <GatedButton needs={needs.createMaintenance} kind="primary" onClick={() => set({ edit: 'new' })}>
      Plan maintenance
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Maintenance"
        facts={
          windows.data && (
            <>
              <span>{many(list.length, 'window')}</span>
              <span>hours in {zone}</span>
            </>
          )
        }
        actions={
          <>
            <CopyCall path={callPath('/maintenance-windows')} />
            {add}
          </>
        }
      />
      <div className="panel">
        {windows.error && !windows.data ? (
          <Failure error={windows.error} what="Maintenance" retry={() => void windows.refetch()} />
        ) : windows.isPending ? (
          <SkeletonRows rows={3} label="Loading maintenance windows" />
        ) : list.length === 0 ? (
          <Empty title="No maintenance is planned" action={add}>
            While a window lasts, no alert opens for what it covers and nobody is woken: a firmware
            night, a hall that is rebuilt. What is open and recovers closes all the same.
          </Empty>
        ) : (
          <ul>
            {list.map((w) => (
              <WindowRow
                key={w.window_id}
                window={w}
                onEdit={() => set({ edit: w.window_id })}
                onDelete={() => setDeleting(w)}
              />
            ))}
          </ul>
        )}
      </div>
      {windows.data && (wanted === 'new' || editing) && (
        <WindowDialog
          key={wanted}
          window={editing}
          zone={zone}
          onClose={() => set({ edit: null })}
        />
      )}
      {deleting && (
        <Removal
          title={`Delete ${deleting.name}?`}
          run={() => alerting.deleteWindow(deleting.window_id)}
          told="Deleted"
          onDone={() => void queries.invalidateQueries({ queryKey: ['maintenance-windows'] })}
          onClose={() => setDeleting(null)}
        >
          <p className="text-ink-2">Alerts open again from then on. This can't be undone.</p>
        </Removal>
      )}
    </>
  );
}
