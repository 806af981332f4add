import { Tabs } from 'radix-ui';
import { Suspense, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { DecommissionDialog } from '@/features/devices/decommission-dialog';
import { useRestore } from '@/features/devices/queries';
import { useSites } from '@/features/sites/queries';
import { lazyPart } from '@/lib/lazy-part';
import { Button, ButtonLink } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { copyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { PageHeader, Tag } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { StatusMark, why } from '@/ui/status';
import { Ago, useTitle } from '@/ui/time';
import { useUrl } from '@/lib/use-url';
import { ConnectTab } from './connect-tab';
import { DetailsTab } from './details-tab';
import { LiveTab } from './live-tab';
import { useDevice } from './queries';
import { useLiveDevice } from './use-live-device';

const tabs = [
  ['live', 'Live'],
  ['connect', 'Connect'],
  ['details', 'Details'],
  ['activity', 'Activity'],
] as const;

const ActivityPanel = lazyPart(() => import('@/features/audit/activity-panel'));

function DevicePage({ id }: { id: string }) {
  const { params, set: setUrl } = useUrl();
  const navigate = useNavigate();
  const query = useDevice(id);
  const sites = useSites();
  const [asking, setAsking] = useState(false);
  const [dirty, setDirty] = useState(false);
  const restore = useRestore();
  const device = query.data;
  useLiveDevice(id);
  useTitle(device?.name ?? id);

  if (query.error && !device) {
    if (asApiError(query.error).status === 404)
      return (
        <div className="panel">
          <Empty
            title={`There is no device ${id}`}
            action={
              <ButtonLink kind="primary" to={`/devices?q=${encodeURIComponent(id)}`}>
                Search for it
              </ButtonLink>
            }
          >
            It may have been deleted, or belong to another organization.
          </Empty>
        </div>
      );
    return (
      <div className="panel">
        <Failure error={query.error} what={`Device ${id}`} retry={() => void query.refetch()} />
      </div>
    );
  }
  if (!device)
    return (
      <div role="status" aria-label="Loading device" className="flex flex-col gap-4">
        <Skeleton className="h-7 w-64" />
        <Skeleton className="h-8 w-80" />
        <Skeleton className="h-96" />
      </div>
    );

  const site = sites.data?.find((s) => s.site_id === device.site_id);
  const template = device.template?.name ?? device.template_name;
  const wanted = params.get('tab');
  const tab = tabs.some(([key]) => key === wanted) ? wanted! : 'live';
  return (
    <>
      <PageHeader
        title={device.name || device.device_id}
        facts={
          <>
            {device.decommissioned_at ? (
              <span className="text-ink-2">
                ✕ Decommissioned <Ago at={device.decommissioned_at} />
              </span>
            ) : (
              <StatusMark
                status={device.status}
                since={device.last_state_change_at ?? device.last_seen_at}
              />
            )}
            <CopyValue text={device.device_id} name="device id" />
            {template && <span>{template}</span>}
            {device.site_id && (
              <Link to={`/sites/${encodeURIComponent(device.site_id)}`} className="hover:underline">
                {site?.name ?? device.site_id}
              </Link>
            )}
            <span>
              seen <Ago at={device.last_seen_at} />
            </span>
            {device.tags?.map((t) => <Tag key={t}>{t}</Tag>)}
          </>
        }
        actions={
          <Menu
            trigger={
              <Button aria-label="More actions">
                <MoreIcon />
              </Button>
            }
          >
            <GatedItem needs={needs.rotateToken} onSelect={() => setUrl({ tab: 'connect' }, false)}>
              Rotate credentials
            </GatedItem>
            <MenuItem
              onSelect={() => void copyCall(callPath(`/devices/${encodeURIComponent(id)}`))}
            >
              Copy the call as curl
            </MenuItem>
            {device.decommissioned_at ? (
              <GatedItem needs={needs.decommission} onSelect={() => restore.mutate([id])}>
                Restore
              </GatedItem>
            ) : (
              <GatedItem needs={needs.decommission} danger onSelect={() => setAsking(true)}>
                Decommission
              </GatedItem>
            )}
          </Menu>
        }
      />
      {device.decommissioned_at && (
        <div className="mb-3 flex flex-wrap items-center justify-between gap-3 rounded-m bg-surface-2 px-3 py-2">
          <p className="min-w-0 text-ink-2">
            This device is out of service: its messages are refused and lists leave it out. Its
            history stays.
          </p>
          <GatedButton
            needs={needs.decommission}
            busy={restore.isPending}
            onClick={() => restore.mutate([id])}
          >
            Restore
          </GatedButton>
        </div>
      )}
      {!device.decommissioned_at && device.status !== 'ONLINE' && (
        <p className="-mt-1 mb-2 text-ink-2" role="note" data-testid="status-why">
          {why[device.status]}
        </p>
      )}
      <Tabs.Root
        value={tab}
        onValueChange={(next) =>
          setUrl({ tab: next === 'live' ? null : next }, false)
        }
      >
        <Tabs.List aria-label="Device" className="mb-3 flex gap-5 border-b">
          {tabs.map(([key, label]) => (
            <Tabs.Trigger
              key={key}
              value={key}
              className="-mb-px h-9 border-b-2 border-transparent text-ink-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {label}
              {key === 'details' && dirty && <span className="text-warning"> · unsaved</span>}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="live" tabIndex={-1} className="outline-none">
          <LiveTab device={device} />
        </Tabs.Content>
        <Tabs.Content value="connect" tabIndex={-1} className="outline-none">
          <ConnectTab device={device} />
        </Tabs.Content>
        {/* Kept while it holds changes that are not saved. */}
        <Tabs.Content
          value="details"
          tabIndex={-1}
          className="outline-none"
          forceMount={dirty || undefined}
          hidden={tab !== 'details'}
        >
          <DetailsTab device={device} dirty={dirty} onDirty={setDirty} />
        </Tabs.Content>
        <Tabs.Content value="activity" tabIndex={-1} className="outline-none">
          <Suspense fallback={<SkeletonRows rows={6} label="Loading activity" />}>
            <ActivityPanel filter={{ entity_type: 'device', entity_id: id }} />
          </Suspense>
        </Tabs.Content>
      </Tabs.Root>
      {asking && (
        <DecommissionDialog
          ids={[id]}
          names={new Map([[id, device.name ?? id]])}
          onClose={() => setAsking(false)}
          onDone={() => void navigate('/devices')}
        />
      )}
    </>
  );
}

/** A page of its own for each device, so that nothing of one shows at another. */
export default function KeyedDevicePage() {
  const { deviceId = '' } = useParams();
  return <DevicePage key={deviceId} id={deviceId} />;
}
