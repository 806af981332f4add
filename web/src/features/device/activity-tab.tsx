import type { Device } from '@/api/types';
import ActivityPanel from '@/features/audit/activity-panel';

/** Who did what to this device. */
export default function ActivityTab({ device }: { device: Device }) {
  return <ActivityPanel filter={{ entity_type: 'device', entity_id: device.device_id }} />;
}
