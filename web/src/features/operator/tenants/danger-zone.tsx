// What ends or interrupts a tenant, each with what it does and how it is undone.
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { toast } from 'sonner';
import { operatorApi, type Tenant } from '@/api/operator';
import { utc } from '@/lib/time';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { Ago } from '@/ui/time';
import { useRefreshOperator } from '../queries';
import { useStaff } from '../staff';

type Deed = 'disable' | 'enable' | 'delete' | 'restore' | 'purge';

const done: Record<Deed, string> = {
  disable: 'is disabled',
  enable: 'is enabled',
  delete: 'is deleted; it can be restored for 30 days',
  restore: 'is restored',
  purge: 'will be gone within the hour',
};

const act: Record<Deed, (id: string) => Promise<unknown>> = {
  disable: (id) => operatorApi.updateTenant(id, { status: 'SUSPENDED' }),
  enable: (id) => operatorApi.updateTenant(id, { status: 'ACTIVE' }),
  delete: operatorApi.deleteTenant,
  restore: operatorApi.restoreTenant,
  purge: operatorApi.purgeTenant,
};

function Line({
  title,
  children,
  button,
}: {
  title: string;
  children: ReactNode;
  button: ReactNode;
}) {
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b px-3 py-2.5 last:border-b-0">
      <div className="min-w-0 flex-1 basis-48">
        <p className="font-medium">{title}</p>
        <p className="text-ink-2">{children}</p>
      </div>
      {button}
    </li>
  );
}

/** Until when a deleted tenant can be brought back; null when that time is over. */
export function undoUntil(tenant: Pick<Tenant, 'status' | 'purge_after'>, now: number): string | null {
  if (tenant.status !== 'DELETED' || !tenant.purge_after) return null;
  return Date.parse(tenant.purge_after) > now ? tenant.purge_after : null;
}

export function DangerZone({ tenant: t }: { tenant: Tenant }) {
  const { admin, why } = useStaff();
  const refresh = useRefreshOperator();
  const [asked, setAsked] = useState<Deed | null>(null);
  const run = useMutation({
    mutationFn: (deed: Deed) => act[deed](t.tenant_id),
    onSuccess: (_said, deed) => {
      toast.success(`${t.name} ${done[deed]}`);
      setAsked(null);
      refresh();
    },
  });
  const ask = (deed: Deed) => () => {
    run.reset();
    setAsked(deed);
  };
  const button = (deed: Deed, label: string, danger = true) => (
    <Button
      kind={danger ? 'danger' : 'plain'}
      disabled={!admin}
      title={why}
      onClick={ask(deed)}
    >
      {label}
    </Button>
  );
  const confirm = { busy: run.isPending, error: run.error, onClose: () => setAsked(null) };
  const until = undoUntil(t, Date.now());
  const typed = { type: t.name, typeLabel: `Type the tenant's name: ${t.name}` };
  return (
    <Panel title="Danger zone" aside={!admin && <span>Only an operator-admin</span>}>
      <ul>
        {t.status === 'ACTIVE' && (
          <Line title="Disable" button={button('disable', 'Disable')}>
            Its people are refused at once, everywhere. Its devices keep sending, and nothing is lost.
          </Line>
        )}
        {t.status === 'SUSPENDED' && (
          <Line title="Enable" button={button('enable', 'Enable', false)}>
            Its people can sign in and work again.
          </Line>
        )}
        {t.status !== 'DELETED' && (
          <Line title="Delete" button={button('delete', 'Delete')}>
            Hidden at once, and refused. For 30 days it can be restored; then all its data goes.
          </Line>
        )}
        {t.status === 'DELETED' && until && (
          <>
            <Line title="Restore" button={button('restore', 'Restore', false)}>
              Everything is as it was. Possible until {utc(until)} (<Ago at={until} />
              ).
            </Line>
            <Line title="Purge now" button={button('purge', 'Purge')}>
              Ends the time to undo. Its data goes within the hour, for good.
            </Line>
          </>
        )}
        {t.status === 'DELETED' && !until && (
          <li className="px-3 py-2.5 text-ink-2">
            The time to undo is over: its data goes within the hour.
          </li>
        )}
      </ul>
      {asked === 'disable' && (
        <Confirm
          {...confirm}
          {...typed}
          title={`Disable ${t.name}?`}
          action="Disable tenant"
          onConfirm={() => run.mutate('disable')}
        >
          <p>
            Everybody of {t.name} is refused from now on, with the words “Organization suspended”.
            Devices keep sending, and their data is stored.
          </p>
          <p>Enable it to undo this.</p>
        </Confirm>
      )}
      {asked === 'enable' && (
        <Confirm
          {...confirm}
          danger={false}
          title={`Enable ${t.name}?`}
          action="Enable tenant"
          onConfirm={() => run.mutate('enable')}
        >
          <p>Its people can sign in and work again at once.</p>
        </Confirm>
      )}
      {asked === 'delete' && (
        <Confirm
          {...confirm}
          {...typed}
          title={`Delete ${t.name}?`}
          action="Delete tenant"
          onConfirm={() => run.mutate('delete')}
        >
          <p>
            Its people are refused, and it leaves the lists. On{' '}
            <strong>{utc(new Date(Date.now() + 30 * 86_400_000).toISOString()).slice(0, 10)}</strong>{' '}
            its devices, measurements, alerts and settings go for good.
          </p>
          <p>Until then it can be restored here.</p>
        </Confirm>
      )}
      {asked === 'restore' && (
        <Confirm
          {...confirm}
          danger={false}
          title={`Restore ${t.name}?`}
          action="Restore tenant"
          onConfirm={() => run.mutate('restore')}
        >
          <p>It is active again, with everything that it had.</p>
        </Confirm>
      )}
      {asked === 'purge' && (
        <Confirm
          {...confirm}
          {...typed}
          title={`Purge ${t.name} for good?`}
          action="Purge tenant"
          onConfirm={() => run.mutate('purge')}
        >
          <p>
            All its data goes within the hour. <strong>This can't be undone.</strong> What was done in
            it stays in the audit log.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
