import type { Device } from '@/api/types';
import { ModulesPanel } from './modules-panel';
import { SensorsPanel } from './sensors-panel';

/** What the device consists of: the modules in its slots, and the sensors that they and it have. */
export default function HardwareTab({ device }: { device: Device }) {
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_28rem]">
      <SensorsPanel device={device} />
      <ModulesPanel device={device} />
    </div>
  );
}
