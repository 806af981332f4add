import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { toast } from 'sonner';
import { api, callPath } from '@/api/customer';
import { GatedButton, GatedLink } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { deviceLink, Readings } from '@/features/devices/readings';
import { useDevicePage, useRefreshFleet } from '@/features/devices/queries';
import { ActiveAlerts } from '@/features/alerts/active-alerts';
import { FleetBar } from '@/features/home/fleet-bar';
import { count, many } from '@/lib/numbers';
import { ButtonLink } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Dialog, DialogForm } from '@/ui/dialog';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { Ago, useTitle } from '@/ui/time';
import { useSites } from './queries';
import { SiteDialog } from './site-dialog';

const most = 50;

function SiteDevices({ id }: { id: string }) {
  const devices = useDevicePage({ site_id: id }, most);
  const inList = `/devices?q=${encodeURIComponent(`site:${id}`)}`;
  return (
    <Panel
      title="Devices"
      aside={
        <Link to={inList} className="text-accent hover:underline">
          Open in the list
        </Link>
      }
    >
      {devices.error && !devices.data ? (
        <Failure error={devices.error} what="Devices" retry={() => void devices.refetch()} />
      ) : devices.isPending ? (
        <SkeletonRows rows={6} />
      ) : devices.data.devices.length === 0 ? (
        <Empty
          title="No device stands here yet"
          action={
            <GatedLink needs={needs.createDevice} kind="primary" to={`${inList}&new=1`}>
              Add a device here
            </GatedLink>
          }
        />
      ) : (
        <ul>
          {devices.data.devices.map((d) => (
            <li key={d.device_id} className="border-b last:border-b-0">
              <Link
                to={deviceLink(d.device_id)}
                className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-3 py-1.5 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_9rem_minmax(0,1fr)_7rem]"
              >
                <span className="truncate">{d.name ?? d.device_id}</span>
                <StatusMark status={d.status} since={d.last_state_change_at ?? d.last_seen_at} />
                <span className="hidden min-w-0 truncate md:block">
                  <Readings state={d.state} units={d.units} />
                </span>
                <span className="hidden text-right text-ink-3 md:block">
                  <Ago at={d.last_seen_at} />
                </span>
              </Link>
            </li>
          ))}
          {devices.data.total > most && (
            <li className="px-3 py-2">
              <Link to={inList} className="text-accent hover:underline">
                All {count(devices.data.total)} devices
              </Link>
            </li>
          )}
        </ul>
      )}
    </Panel>
  );
}

export default function SitePage() {
  const { siteId = '' } = useParams();
  const navigate = useNavigate();
  const refresh = useRefreshFleet();
  const sites = useSites();
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  const site = sites.data?.find((s) => s.site_id === siteId);
  useTitle(site?.name ?? siteId);
  const remove = useMutation({
    mutationFn: () => api.deleteSite(siteId),
    onSuccess: () => {
      toast.success(`${site?.name ?? siteId} is deleted`);
      refresh();
      void navigate('/sites');
    },
  });

  if (sites.error && !sites.data)
    return (
      <div className="panel">
        <Failure error={sites.error} what="The site" retry={() => void sites.refetch()} />
      </div>
    );
  if (sites.isPending) return <Skeleton className="h-7 w-64" />;
  if (!site)
    return (
      <div className="panel">
        <Empty
          title={`There is no site ${siteId}`}
          action={
            <ButtonLink kind="primary" to="/sites">
              All sites
            </ButtonLink>
          }
        />
      </div>
    );
  return (
    <>
      <PageHeader
        title={site.name}
        facts={
          <>
            <CopyValue text={site.site_id} name="site id" />
            {site.location && <span>{site.location}</span>}
            <span>
              {many(site.device_count, 'device')} · {count(site.online_count)} online ·{' '}
              {count(site.stale_count)} stale · {count(site.offline_count)} offline
            </span>
          </>
        }
        actions={
          <>
            <CopyCall path={callPath('/devices', { site_id: siteId, limit: most })} />
            <GatedButton needs={needs.editSite} onClick={() => setOpen('edit')}>
              Edit
            </GatedButton>
            <GatedButton
              needs={needs.deleteSite}
              kind="danger"
              disabled={site.device_count > 0}
              title={site.device_count > 0 ? 'Move or delete its devices first' : undefined}
              onClick={() => setOpen('delete')}
            >
              Delete
            </GatedButton>
          </>
        }
      />
      {site.device_count > 0 && (
        <div className="mb-4">
          <FleetBar
            online={site.online_count}
            stale={site.stale_count}
            offline={site.offline_count}
          />
        </div>
      )}
      <ActiveAlerts filter={{ site_id: siteId }} className="mb-4" />
      <SiteDevices id={siteId} />
      <ActivityPanel className="mt-4" filter={{ entity_type: 'site', entity_id: siteId }} />
      {open === 'edit' && <SiteDialog site={site} onClose={() => setOpen(null)} />}
      {open === 'delete' && (
        <Dialog open onClose={() => setOpen(null)} title={`Delete ${site.name}?`}>
          <DialogForm
            danger
            submit={`Delete ${site.name}`}
            busy={remove.isPending}
            error={remove.error}
            onCancel={() => setOpen(null)}
            onSubmit={() => remove.mutate()}
          >
            <p className="text-ink-2">No device stands there. This can't be undone.</p>
          </DialogForm>
        </Dialog>
      )}
    </>
  );
}
