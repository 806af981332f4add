// Where alerts are told, and which.
import { Link } from 'react-router';
import { useUrl } from '@/lib/use-url';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { useTitle } from '@/ui/time';
import { ChannelsPanel } from './channels-panel';
import { RoutingPanel } from './routing-panel';

export default function NotificationsPage() {
  useTitle('Notifications');
  const url = useUrl();
  const tab = url.get('tab') === 'routing' ? 'routing' : 'channels';
  return (
    <>
      <PageHeader title="Notifications" />
      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <Segmented
          label="Part"
          options={[
            { value: 'channels', label: 'Channels' },
            { value: 'routing', label: 'Routing' },
          ]}
          value={tab}
          onChange={(next) => url.set({ tab: next === 'channels' ? null : next })}
        />
        <Link className="text-accent underline" to="/delivery-log">
          Delivery log
        </Link>
      </div>
      {tab === 'channels' ? <ChannelsPanel /> : <RoutingPanel />}
    </>
  );
}
