import { Link } from 'react-router';
import type { DeviceTabProps } from '@/features/device/tabs';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { AlertLine } from './alert-row';
import { useAlerts } from './queries';

/** The alerts of a device: those that stand, and those that were. */
export default function AlertsTab({ device }: DeviceTabProps) {
  const active = useAlerts({ device_id: device.device_id, status: 'ACTIVE', sort: '-severity' }, 100);
  const closed = useAlerts({ device_id: device.device_id, status: 'CLOSED' }, 50);
  return (
    <div className="flex flex-col gap-4">
      <Panel title="Active alerts">
        {active.error && !active.data ? (
          <Failure error={active.error} what="Alerts" retry={() => void active.refetch()} />
        ) : active.isPending ? (
          <SkeletonRows rows={2} />
        ) : active.data.alerts.length === 0 ? (
          <Empty title="Nothing is wrong with this device">
            Rules watch what it sends, and its silence is noticed without a rule.
          </Empty>
        ) : (
          <ul>
            {active.data.alerts.map((a) => (
              <AlertLine key={a.alert_id} alert={a} showDevice={false} />
            ))}
          </ul>
        )}
      </Panel>
      {closed.data && closed.data.alerts.length > 0 && (
        <Panel
          title="Closed"
          aside={
            <Link
              to={`/alerts?status=CLOSED&device=${encodeURIComponent(device.device_id)}`}
              className="text-accent hover:underline"
            >
              In the inbox
            </Link>
          }
        >
          <ul>
            {closed.data.alerts.map((a) => (
              <AlertLine key={a.alert_id} alert={a} showDevice={false} />
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}
