// A device's SIM: what its carrier says of it, what it used, and what can be done with it.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { toast } from 'sonner';
import { carriers, type SimAction, type SimStatus } from '@/api/carriers';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import type { DeviceTabProps } from '@/features/device/tabs';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { UsageBar } from '@/ui/usage';
import { LinkDialog } from './link-dialog';
import { carrierTitle, simKey, useIntegrations, useRefreshSim, useSimStatus, useSimUsage } from './queries';

const megabytes = (n: number) => n.toLocaleString('en', { maximumFractionDigits: 1 });

const simTones: Record<string, string> = {
  active: '✓ active',
  suspended: '▲ suspended',
  deactivated: '✕ deactivated',
};

/** What each action is, before it is done. */
const actions: Record<SimAction, { label: string; does: string; danger: boolean }> = {
  activate: { label: 'Activate', does: 'The SIM may use data again, and the carrier bills it.', danger: false },
  suspend: { label: 'Suspend', does: 'The device is cut off until the SIM is activated again.', danger: true },
  reboot: {
    label: 'Restart device',
    does: 'The carrier sends the device a text message that makes it restart, if it understands it.',
    danger: true,
  },
  deactivate: {
    label: 'Deactivate',
    does: "The SIM is dead for good: this can't be undone, and the device needs another SIM.",
    danger: true,
  },
};

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex min-h-8 flex-wrap items-center justify-between gap-x-4 border-b px-3 py-1 last:border-b-0">
      <dt className="text-ink-2">{name}</dt>
      <dd className="num min-w-0 text-right break-words">{children}</dd>
    </div>
  );
}

function Facts({ info }: { info: NonNullable<SimStatus['device_info']> }) {
  const none = <span className="text-ink-3">not told</span>;
  return (
    <dl>
      <Fact name="SIM">{info.sim_status ? (simTones[info.sim_status] ?? info.sim_status) : none}</Fact>
      <Fact name="Network">
        {info.network_status ?? none}
        {info.network_type && ` · ${info.network_type}`}
      </Fact>
      <Fact name="Last connection">{info.last_connection ? <Ago at={info.last_connection} /> : none}</Fact>
      <Fact name="Address">{info.ip_address ?? none}</Fact>
      {info.signal_strength !== null && <Fact name="Signal">{info.signal_strength}</Fact>}
      <Fact name="ICCID">{info.iccid ? <CopyValue text={info.iccid} name="ICCID" /> : none}</Fact>
      <Fact name="Id at the carrier">
        <CopyValue text={info.carrier_device_id} name="id at the carrier" />
      </Fact>
    </dl>
  );
}

function Usage({ device }: { device: string }) {
  const usage = useSimUsage(device);
  const u = usage.data?.usage;
  return (
    <Panel title="Data of this billing cycle">
      {usage.error && !u ? (
        <Failure error={usage.error} what="The usage" retry={() => void usage.refetch()} />
      ) : !u ? (
        <SkeletonRows rows={2} label="Asking the carrier" />
      ) : (
        <div className="flex flex-col gap-2 px-3 py-2.5">
          <p className="num flex flex-wrap justify-between gap-x-4">
            <span className="font-medium">{megabytes(u.data_used_mb)} MB used</span>
            <span className="text-ink-2">
              {u.data_limit_mb === null ? 'no limit known' : `${u.usage_pct} % of ${megabytes(u.data_limit_mb)} MB`}
            </span>
          </p>
          {u.data_limit_mb !== null && (
            <UsageBar label="Data used" used={u.data_used_mb} limit={u.data_limit_mb} />
          )}
          {u.billing_cycle_end && (
            <p className="text-12 text-ink-2">
              {u.billing_cycle_start && `${u.billing_cycle_start.slice(0, 10)} `}
              until {u.billing_cycle_end.slice(0, 10)}
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}

function Diagnostics({ device }: { device: string }) {
  const found = useQuery({
    queryKey: [...simKey(device), 'diagnostics'],
    queryFn: () => carriers.diagnostics(device),
    enabled: false,
    retry: false,
  });
  return (
    <Panel
      title="Diagnostics"
      aside={
        <Button small busy={found.isFetching} onClick={() => void found.refetch()}>
          {found.data ? 'Ask again' : 'Ask the carrier'}
        </Button>
      }
    >
      {found.error && !found.isFetching ? (
        <Failure error={found.error} what="The diagnostics" />
      ) : found.data ? (
        <pre
          tabIndex={0}
          aria-label="What the carrier tells"
          className="max-h-96 overflow-auto px-3 py-2 font-mono text-12 break-words whitespace-pre-wrap"
        >
          {JSON.stringify(found.data.diagnostics, null, 2)}
        </pre>
      ) : (
        <p className="px-3 py-2.5 text-ink-2">
          What the carrier knows of this SIM's links and last session, as it tells it.
        </p>
      )}
    </Panel>
  );
}

function Actions({ device, status }: { device: string; status: SimStatus }) {
  const refresh = useRefreshSim(device);
  const [asking, setAsking] = useState<SimAction | null>(null);
  const info = status.device_info;
  const act = useMutation({
    mutationFn: (action: SimAction) =>
      carriers.act(device, action, action === 'deactivate' ? (info?.iccid ?? undefined) : undefined),
    onSuccess: (result, action) => {
      if (result.success) toast.success(`${actions[action].label}: done`);
      else toast.error(`${carrierTitle(status.carrier_name)} refused it`);
      setAsking(null);
      refresh();
    },
  });
  const offered = (Object.keys(actions) as SimAction[]).filter(
    (a) =>
      status.capabilities?.includes(a) &&
      !(a === 'activate' && info?.sim_status === 'active') &&
      !(a === 'suspend' && info?.sim_status === 'suspended') &&
      // Its ICCID is what deactivating asks for.
      !(a === 'deactivate' && !info?.iccid) &&
      info?.sim_status !== 'deactivated',
  );
  if (offered.length === 0) return null;
  return (
    <div className="flex flex-wrap gap-1.5 border-t px-3 py-2.5">
      {offered.map((a) => (
        <GatedButton
          key={a}
          small
          needs={needs.actOnSim}
          kind={a === 'deactivate' ? 'danger' : undefined}
          onClick={() => {
            act.reset();
            setAsking(a);
          }}
        >
          {actions[a].label}
        </GatedButton>
      ))}
      {asking && (
        <Confirm
          title={`${actions[asking].label}?`}
          action={actions[asking].label}
          danger={actions[asking].danger}
          type={asking === 'deactivate' ? (info?.iccid ?? undefined) : undefined}
          typeLabel="Type the ICCID to confirm"
          busy={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate(asking)}
          onClose={() => setAsking(null)}
        >
          <p>{actions[asking].does}</p>
        </Confirm>
      )}
    </div>
  );
}

function NotLinked({ onLink }: { onLink: () => void }) {
  const list = useIntegrations();
  const usable = list.data?.filter((i) => i.enabled) ?? [];
  if (list.isPending) return <SkeletonRows rows={2} label="Loading carriers" />;
  return usable.length > 0 ? (
    <Empty
      title="No SIM is linked"
      action={
        <GatedButton needs={needs.linkSim} kind="primary" onClick={onLink}>
          Link a SIM
        </GatedButton>
      }
    >
      Say which SIM this device has, to see its state and its use of data, and to suspend or activate it.
    </Empty>
  ) : (
    <Empty title="No carrier yet">
      For a device with a SIM, add your account at its carrier under{' '}
      <Link to="/settings/carrier" className="text-accent underline underline-offset-2">
        Settings, Carriers
      </Link>
      . Then link the SIM here.
    </Empty>
  );
}

function Unlink({ device, onClose }: { device: string; onClose: () => void }) {
  const refresh = useRefreshSim(device);
  const unlink = useMutation({
    mutationFn: () => carriers.unlink(device),
    onSuccess: () => {
      toast.success('The SIM is unlinked');
      refresh();
      onClose();
    },
  });
  return (
    <Confirm
      title="Unlink the SIM?"
      action="Unlink"
      busy={unlink.isPending}
      error={unlink.error}
      onConfirm={() => unlink.mutate()}
      onClose={onClose}
    >
      <p>
        This device no longer shows it. The SIM stays as it is at the carrier, and can be linked again.
      </p>
    </Confirm>
  );
}

export default function ConnectivityTab({ device: d }: DeviceTabProps) {
  const device = d.device_id;
  const status = useSimStatus(device);
  const integrations = useIntegrations();
  const [linking, setLinking] = useState(false);
  const [unlinking, setUnlinking] = useState(false);
  const usable = integrations.data?.filter((i) => i.enabled) ?? [];
  const s = status.data;
  const relink = (
    <>
      {usable.length > 0 && (
        <GatedButton needs={needs.linkSim} small kind="quiet" onClick={() => setLinking(true)}>
          Link another SIM
        </GatedButton>
      )}
      <GatedButton needs={needs.unlinkSim} small kind="quiet" onClick={() => setUnlinking(true)}>
        Unlink
      </GatedButton>
    </>
  );
  return (
    <>
      {status.error && !s ? (
        <Panel title="SIM" aside={relink}>
          <Failure error={status.error} what="The SIM" retry={() => void status.refetch()} />
        </Panel>
      ) : !s ? (
        <Panel title="SIM">
          <SkeletonRows rows={5} label="Asking the carrier" />
        </Panel>
      ) : !s.linked || !s.device_info ? (
        <Panel title="SIM">
          <NotLinked onLink={() => setLinking(true)} />
        </Panel>
      ) : (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <Panel title={`SIM at ${carrierTitle(s.carrier_name)}`} aside={relink}>
            <Facts info={s.device_info} />
            <Actions device={device} status={s} />
          </Panel>
          <div className="flex min-w-0 flex-col gap-4">
            <Usage device={device} />
            <Diagnostics device={device} />
          </div>
        </div>
      )}
      {unlinking && <Unlink device={device} onClose={() => setUnlinking(false)} />}
      {linking && (
        <LinkDialog device={device} integrations={usable} onClose={() => setLinking(false)} />
      )}
    </>
  );
}
