import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { updates, type CampaignDetail } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { deviceLink } from '@/features/devices/readings';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { deviceStates, ProgressBar, RunState, StateFilter, StateWord } from './progress';
import { useCampaign, useCampaignDevices, useRefreshCampaigns } from './queries';

type Ask = 'start' | 'pause' | 'abort' | 'rollback';
const page = 50;

/** What each step does, asked once before it is done. */
function question(ask: Ask, c: CampaignDetail): { title: string; action: string; text: string } {
  const waiting = count(c.status_breakdown.PENDING ?? 0);
  if (ask === 'start')
    return {
      title: c.status === 'PAUSED' ? `Resume ${c.name}?` : `Start ${c.name}?`,
      action: c.status === 'PAUSED' ? 'Resume' : 'Start',
      text: `${many(c.total_devices, 'device')} get ${c.firmware_version}, at most ${count(c.rollout_rate)} every 10 seconds.`,
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
  const offset = Math.max(0, Number(params.get('from') ?? 0) || 0);
  const devices = useCampaignDevices(c.id, status, offset);
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
              <li key={d.device_id} className="border-b last:border-b-0">
                <Link
                  to={deviceLink(d.device_id)}
                  className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-3 py-1.5 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_7rem_5rem_minmax(0,1.2fr)_7rem]"
                >
                  <span className="truncate font-mono text-12">{d.device_id}</span>
                  <StateWord states={deviceStates} status={d.status} />
                  <span className="num text-12 text-ink-2 max-md:hidden">{d.progress_pct} %</span>
                  <span className="truncate text-12 text-ink-3 max-md:col-span-2">
                    {d.error_message ?? (d.previous_version ? `from ${d.previous_version}` : '')}
                  </span>
                  <span className="text-right text-ink-3 max-md:hidden">
                    <Ago at={d.completed_at ?? d.started_at} never="" />
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          {devices.data.total > page && (
            <div className="flex items-center gap-2 border-t px-3 py-2">
              <Button
                small
                disabled={offset === 0}
                onClick={() => set({ from: offset > page ? String(offset - page) : null })}
              >
                Previous
              </Button>
              <Button
                small
                disabled={offset + page >= devices.data.total}
                onClick={() => set({ from: String(offset + page) })}
              >
                Next
              </Button>
              <span className="num text-12 text-ink-3">
                {count(offset + 1)}–{count(offset + devices.data.devices.length)}
              </span>
            </div>
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
  if (!Number.isInteger(id) || (campaign.error && asApiError(campaign.error).status === 404))
    return (
      <div className="panel">
        <Empty
          title={`There is no campaign ${campaignId}`}
          action={
            <ButtonLink kind="primary" to="/updates">
              All campaigns
            </ButtonLink>
          }
        />
      </div>
    );
  if (campaign.error && !c)
    return (
      <div className="panel">
        <Failure
          error={campaign.error}
          what="The campaign"
          retry={() => void campaign.refetch()}
        />
      </div>
    );
  if (!c) return <Skeleton className="h-7 w-64" />;
  const asked = ask && question(ask, c);
  const done = c.total_devices - (c.status_breakdown.PENDING ?? 0);
  return (
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
          <ProgressBar states={deviceStates} counts={c.status_breakdown} total={c.total_devices} />
          <p className="num mt-1.5 text-12 text-ink-2" aria-live="polite">
            {count(c.succeeded)} of {many(c.total_devices, 'device')} updated, {count(c.failed)}{' '}
            failed, {count(done)} reached
          </p>
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
  );
}
