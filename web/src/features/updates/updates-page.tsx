import { callPath } from '@/api/customer';
import type { Campaign } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { NewCampaign } from './new-campaign';
import { deviceStates } from './progress';
import { useCampaigns } from './queries';
import { RunList, RunRow, useRunsLimit } from './runs';

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
    <RunRow
      to={`/ota/campaigns/${c.id}`}
      name={c.name}
      about={`${c.firmware_version} · ${c.target_group_id}`}
      status={c.status}
      states={deviceStates}
      counts={{ SUCCESS: c.succeeded, FAILED: c.failed }}
      succeeded={c.succeeded}
      failed={c.failed}
      total={c.total_devices}
      at={c.created_at}
    />
  );
}

export default function UpdatesPage() {
  useTitle('Updates');
  const { params, set } = useUrl();
  const status = params.get('status');
  const limit = useRunsLimit();
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
        <RunList
          query={campaigns}
          what="campaign"
          of={(data) => ({ runs: data.campaigns, total: data.total })}
          row={(run) => <CampaignRow key={run.id} campaign={run} />}
          empty={
            <Empty title="No campaigns yet" action={add}>
            A campaign brings a firmware version to the devices of a group: first to a few, then to
            the rest, and it stops by itself when too many fail.
            </Empty>
          }
        />
      </div>
      {params.get('new') && <NewCampaign onClose={() => set({ new: null, firmware: null })} />}
    </>
  );
}
