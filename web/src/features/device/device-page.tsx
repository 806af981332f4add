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
import { LeaveDialog } from './leave-dialog';
import { useDevice } from './queries';
import { deviceTabs, tabOf } from './tabs';
import { useLiveDevice } from './use-live-device';

function DevicePage({ id }: { id: string }) {
  const { params, set: setUrl } = useUrl();
  const navigate = useNavigate();
  const query = useDevice(id);
  const sites = useSites();
  const [asking, setAsking] = useState(false);
  const [unsaved, setUnsaved] = useState<ReadonlySet<string>>(new Set());
  const mark = (key: string, dirty: boolean) =>
    setUnsaved((old) => {
      if (old.has(key) === dirty) return old;
      return new Set(dirty ? [...old, key] : [...old].filter((k) => k !== key));
    });
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
  const tab = tabOf(params.get('tab'));
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
        value={tab.key}
        onValueChange={(next) => setUrl({ tab: tabOf(next) === deviceTabs[0] ? null : next }, false)}
      >
        <Tabs.List
          aria-label="Device"
          className="mb-3 flex gap-5 overflow-x-auto overflow-y-hidden border-b"
        >
          {deviceTabs.map(({ key, label, keepsInput }) => (
            <Tabs.Trigger
              key={key}
              value={key}
              className="h-9 shrink-0 border-b-2 border-transparent whitespace-nowrap text-ink-2 hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {label}
              {keepsInput && unsaved.has(key) && <span className="text-warning"> · unsaved</span>}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {deviceTabs.map(({ key, Part, keepsInput }) => (
          <Tabs.Content
            key={key}
            value={key}
            tabIndex={-1}
            className="outline-none"
            forceMount={(keepsInput && unsaved.has(key)) || undefined}
            hidden={tab.key !== key}
          >
            <Suspense fallback={<SkeletonRows rows={6} label="Loading" />}>
              <Part device={device} onDirty={(dirty) => mark(key, dirty)} />
            </Suspense>
          </Tabs.Content>
        ))}
      </Tabs.Root>
      <LeaveDialog unsaved={deviceTabs.filter((t) => unsaved.has(t.key)).map((t) => t.label)} />
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
