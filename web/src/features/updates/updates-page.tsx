import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import type { Campaign } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { NewCampaign } from './new-campaign';
import { deviceStates, ProgressBar, RunState } from './progress';
import { useCampaigns } from './queries';

const filters = [
  { value: '', label: 'All' },
  { value: 'RUNNING', label: 'Running' },
  { value: 'PAUSED', label: 'Paused' },
  { value: 'CREATED', label: 'Not started' },
  { value: 'COMPLETED', label: 'Completed' },
  { value: 'ABORTED', label: 'Aborted' },
];

function CampaignRow({ campaign: c }: { campaign: Campaign }) {
  return (
    <li className="border-b last:border-b-0">
      <Link
        to={`/ota/campaigns/${c.id}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-3 py-2 hover:bg-surface-2 md:grid-cols-[minmax(0,1.4fr)_8rem_minmax(0,1fr)_9rem_6rem]"
      >
        <span className="min-w-0">
          <span className="block truncate font-medium">{c.name}</span>
          <span className="block truncate text-12 text-ink-3">
            {c.firmware_version} · {c.target_group_id}
          </span>
        </span>
        <RunState status={c.status} />
        <span className="col-span-2 md:col-span-1">
          <ProgressBar
            thin
            states={deviceStates}
            counts={{ SUCCESS: c.succeeded, FAILED: c.failed }}
            total={c.total_devices}
          />
        </span>
        <span className="num text-12 text-ink-2">
          {c.succeeded} of {many(c.total_devices, 'device')}
          {c.failed > 0 && <span className="text-critical"> · {c.failed} failed</span>}
        </span>
        <span className="hidden text-right text-ink-3 md:block">
          <Ago at={c.created_at} />
        </span>
      </Link>
    </li>
  );
}

export default function UpdatesPage() {
  useTitle('Updates');
  const { params, set } = useUrl();
  const status = params.get('status');
  const limit = Number(params.get('limit') ?? 50);
  const campaigns = useCampaigns(status, limit);
  const add = (
    <GatedButton needs={needs.createCampaign} kind="primary" onClick={() => set({ new: '1' })}>
      New campaign
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Updates"
        facts={campaigns.data && <span>{many(campaigns.data.total, 'campaign')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/ota/campaigns')} />
            <ButtonLink to="/ota/firmware">Firmware</ButtonLink>
            {add}
          </>
        }
      />
      <Segmented
        label="Campaigns by state"
        className="mb-2.5"
        options={filters}
        value={status ?? ''}
        onChange={(value) => set({ status: value })}
      />
      <div className="panel">
        {campaigns.error && !campaigns.data ? (
          <Failure
            error={campaigns.error}
            what="Campaigns"
            retry={() => void campaigns.refetch()}
          />
        ) : campaigns.isPending ? (
          <SkeletonRows rows={4} label="Loading campaigns" />
        ) : campaigns.data.campaigns.length === 0 ? (
          status ? (
            <Empty title="No campaign stands so" />
          ) : (
            <Empty title="No campaigns yet" action={add}>
              A campaign brings a firmware version to the devices of a group: first to a few, then to
              the rest, and it stops by itself when too many fail.
            </Empty>
          )
        ) : (
          <ul>
            {campaigns.data.campaigns.map((c) => (
              <CampaignRow key={c.id} campaign={c} />
            ))}
            {campaigns.data.total > campaigns.data.campaigns.length && limit < 200 && (
              <li className="px-3 py-2">
                <Button small onClick={() => set({ limit: String(Math.min(200, limit + 50)) })}>
                  Show more
                </Button>
              </li>
            )}
          </ul>
        )}
      </div>
      {params.get('new') && <NewCampaign onClose={() => set({ new: null, firmware: null })} />}
    </>
  );
}
