import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { updates, type CampaignDetail } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Confirm } from '@/ui/confirm';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { deviceStates, RunState, StateFilter } from './progress';
import { useCampaign, useCampaignDevices, useRefreshCampaigns } from './queries';
import { DevicePages, devicesAPage, RunDevice, RunPage, RunProgress, useDevicesFrom } from './runs';

type Ask = 'start' | 'pause' | 'abort' | 'rollback';

/** What each step does, asked once before it is done. */
function question(ask: Ask, c: CampaignDetail): { title: string; action: string; text: string } {
  const waiting = count(c.status_breakdown.PENDING ?? 0);
  if (ask === 'start')
    return {
      title: c.status === 'PAUSED' ? `Resume ${c.name}?` : `Start ${c.name}?`,
      action: c.status === 'PAUSED' ? 'Resume' : 'Start',
      text: `${many(c.status_breakdown.PENDING ?? 0, 'device')} get ${c.firmware_version}, at most ${count(c.rollout_rate)} every 10 seconds.`,
    };
  if (ask === 'pause')
    return {
      title: `Pause ${c.name}?`,
      action: 'Pause',
      text: `No more devices are told. Those that were told go on. ${waiting} still wait.`,
    };
  if (ask === 'abort')
    return {
      title: `Abort ${c.name}?`,
      action: 'Abort campaign',
      text: `${waiting} devices that have not begun are skipped. Those that have begun go on. It can't be started again.`,
    };
  return {
    title: `Roll back ${c.name}?`,
    action: 'Roll back',
    text: `A new campaign begins at once: ${many(c.status_breakdown.SUCCESS ?? 0, 'device')} that got ${c.firmware_version} go back to the version that they had before.`,
  };
}

function Steps({ campaign: c, onAsk }: { campaign: CampaignDetail; onAsk: (ask: Ask) => void }) {
  const button = (ask: Ask, label: string, kind?: 'primary' | 'danger') => (
    <GatedButton needs={needs.steerCampaign} kind={kind} onClick={() => onAsk(ask)}>
      {label}
    </GatedButton>
  );
  const open = c.status === 'CREATED' || c.status === 'RUNNING' || c.status === 'PAUSED';
  const updated = (c.status_breakdown.SUCCESS ?? 0) > 0;
  return (
    <>
      {c.status === 'CREATED' && button('start', 'Start', 'primary')}
      {c.status === 'RUNNING' && button('pause', 'Pause')}
      {c.status === 'PAUSED' && button('start', 'Resume', 'primary')}
      {open && button('abort', 'Abort', 'danger')}
      {updated && c.status !== 'RUNNING' && button('rollback', 'Roll back', 'danger')}
    </>
  );
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? 'col-span-2 md:col-span-4' : undefined}>
      <dt className="text-12 text-ink-3">{name}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}

function Facts({ campaign: c }: { campaign: CampaignDetail }) {
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-2 px-3 py-3 md:grid-cols-4">
      <Fact name="Firmware">
        {c.firmware_version}
        {c.firmware_device_type && ` · ${c.firmware_device_type}`}
      </Fact>
      <Fact name="Group">{c.target_group_id}</Fact>
      <Fact name="Rate">{count(c.rollout_rate)} every 10 s</Fact>
      <Fact name="Stages">
        {c.stages.length > 1
          ? c.stages.map((s, i) => (
              <span key={s} className={i === c.stage ? 'font-semibold' : 'text-ink-2'}>
                {i > 0 && ' → '}
                {s} %
              </span>
            ))
          : 'All at once'}
      </Fact>
      <Fact name="Halts">
        above {Math.round(c.abort_threshold * 1000) / 10} % failed, after{' '}
        {many(c.min_results, 'result')}
      </Fact>
      <Fact name="Silence">{count(c.timeout_minutes)} min until failed</Fact>
      <Fact name="Started">
        <Ago at={c.started_at} never="not yet" />
      </Fact>
      <Fact name="Ended">
        <Ago at={c.completed_at} never="not yet" />
      </Fact>
      {c.firmware_checksum && (
        <Fact name="SHA-256" wide>
          <span className="font-mono text-12 break-all">{c.firmware_checksum}</span>
        </Fact>
      )}
    </dl>
  );
}

function Devices({ campaign: c }: { campaign: CampaignDetail }) {
  const { params, set } = useUrl();
  const status = params.get('status');
  const from = useDevicesFrom();
  const devices = useCampaignDevices(c.id, status, from);
  return (
    <Panel title="Devices" aside={devices.data && many(devices.data.total, 'device')}>
      <div className="border-b px-3 py-2">
        <StateFilter
          states={deviceStates}
          counts={c.status_breakdown}
          chosen={status}
          onChoose={(name) => set({ status: name, from: null })}
        />
      </div>
      {devices.error && !devices.data ? (
        <Failure error={devices.error} what="Devices" retry={() => void devices.refetch()} />
      ) : devices.isPending ? (
        <SkeletonRows rows={6} label="Loading devices" />
      ) : devices.data.devices.length === 0 ? (
        <Empty title="No device stands so" />
      ) : (
        <>
          <ul>
            {devices.data.devices.map((d) => (
              <RunDevice
                key={d.device_id}
                id={d.device_id}
                states={deviceStates}
                status={d.status}
                at={d.completed_at ?? d.started_at}
                columns="md:grid-cols-[minmax(0,1fr)_7rem_5rem_minmax(0,1.2fr)_7rem]"
              >
                <span className="num text-12 text-ink-2 max-md:hidden">{d.progress_pct} %</span>
                <span className="truncate text-12 text-ink-3 max-md:col-span-2">
                  {d.error_message ?? (d.previous_version ? `from ${d.previous_version}` : '')}
                </span>
              </RunDevice>
            ))}
          </ul>
          {devices.data.total > devicesAPage && (
            <DevicePages more={from + devicesAPage < devices.data.total}>
              <span className="num text-12 text-ink-3">
                {count(from + 1)}–{count(from + devices.data.devices.length)}
              </span>
            </DevicePages>
          )}
        </>
      )}
    </Panel>
  );
}

export default function CampaignPage() {
  const { campaignId = '' } = useParams();
  const id = Number(campaignId);
  const navigate = useNavigate();
  const refresh = useRefreshCampaigns();
  const campaign = useCampaign(id);
  const [ask, setAsk] = useState<Ask | null>(null);
  const c = campaign.data;
  useTitle(c?.name ?? 'Campaign');
  const act = useMutation({
    mutationFn: async (step: Ask) => {
      if (step === 'rollback') return updates.rollBack(id);
      await updates.steerCampaign(id, step);
      return null;
    },
    onSuccess: (made) => {
      setAsk(null);
      refresh();
      if (made) {
        toast.success(`${made.name} has begun`);
        void navigate(`/ota/campaigns/${made.id}`);
      }
    },
  });
  const asked = ask && c && question(ask, c);
  return (
    <RunPage
      query={campaign}
      what="campaign"
      id={campaignId}
      all="/updates"
      unknown={!Number.isInteger(id)}
    >
      {(c) => (
        <>
          <PageHeader
            title={c.name}
            facts={
              <>
                <RunState status={c.status} />
                {c.status_reason && <span>{c.status_reason}</span>}
                {c.rollback_of != null && (
                  <Link
                    to={`/ota/campaigns/${c.rollback_of}`}
                    className="text-accent hover:underline"
                  >
                    rolls back campaign {c.rollback_of}
                  </Link>
                )}
              </>
            }
            actions={
              <>
                <CopyCall path={callPath(`/ota/campaigns/${c.id}`)} />
                <Steps campaign={c} onAsk={setAsk} />
              </>
            }
          />
          <div className="panel mb-4">
            <div className="border-b px-3 py-3">
              <RunProgress states={deviceStates} counts={c.status_breakdown} total={c.total_devices}>
                {count(c.succeeded)} of {many(c.total_devices, 'device')} updated, {count(c.failed)}{' '}
                failed, {count(c.total_devices - (c.status_breakdown.PENDING ?? 0))} reached
                {c.status_breakdown.SKIPPED
                  ? `, ${count(c.status_breakdown.SKIPPED)} of them skipped`
                  : ''}
              </RunProgress>
            </div>
            <Facts campaign={c} />
          </div>
          <Devices campaign={c} />
          <ActivityPanel
            className="mt-4"
            filter={{ entity_type: 'campaign', entity_id: String(c.id) }}
          />
          {ask && asked && (
            <Confirm
              title={asked.title}
              action={asked.action}
              danger={ask === 'abort' || ask === 'rollback'}
              busy={act.isPending}
              error={act.error}
              onConfirm={() => act.mutate(ask)}
              onClose={() => {
                act.reset();
                setAsk(null);
              }}
            >
              <p>{asked.text}</p>
            </Confirm>
          )}
        </>
      )}
    </RunPage>
  );
}
