import { Link } from 'react-router';
import type { AlertFilter } from '@/api/alerts';
import { count } from '@/lib/numbers';
import { Panel } from '@/ui/page';
import { Failure } from '@/ui/states';
import { AlertLine } from './alert-row';
import { useAlerts } from './queries';

/** What is open or acknowledged of a site; nothing is drawn when all is well. */
export function ActiveAlerts({ filter, className }: { filter: AlertFilter; className?: string }) {
  const alerts = useAlerts({ ...filter, status: 'ACTIVE', sort: '-severity' }, 5);
  if (alerts.error && !alerts.data)
    return (
      <Panel title="Active alerts" className={className}>
        <Failure error={alerts.error} what="Alerts" retry={() => void alerts.refetch()} />
      </Panel>
    );
  if (!alerts.data || alerts.data.total === 0) return null;
  const inbox = new URLSearchParams({ status: 'ACTIVE' });
  if (filter.site_id) inbox.set('site', filter.site_id);
  if (filter.device_id) inbox.set('device', filter.device_id);
  return (
    <Panel
      title="Active alerts"
      className={className}
      aside={
        <Link to={`/alerts?${inbox.toString()}`} className="text-accent hover:underline">
          All {count(alerts.data.total)} in the inbox
        </Link>
      }
    >
      <ul>
        {alerts.data.alerts.map((a) => (
          <AlertLine key={a.alert_id} alert={a} />
        ))}
      </ul>
    </Panel>
  );
}
