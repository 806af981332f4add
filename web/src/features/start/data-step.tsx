// Step 4: commands with real credentials, and the first message as it arrives.
import { useEffect, useState } from 'react';
import type { Device } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { Commands } from '@/features/connect/commands';
import { useCredentials } from '@/features/connect/credentials';
import { Listening } from '@/features/connect/listening';
import { useTokens } from '@/features/device/queries';
import { RotateDialog } from '@/features/device/tokens';
import { useDevicePage } from '@/features/devices/queries';
import { SelectField } from '@/ui/field';
import { Failure, Skeleton } from '@/ui/states';

function For({ device }: { device: Device }) {
  const id = device.device_id;
  const credentials = useCredentials(id);
  const tokens = useTokens(id);
  const [making, setMaking] = useState(false);
  const live = (tokens.data ?? []).some((t) => t.revoked_at === null);
  return (
    <div className="flex flex-col gap-3">
      {!credentials && (
        <div className="flex flex-wrap items-center gap-3">
          <GatedButton needs={needs.rotateToken} kind="primary" onClick={() => setMaking(true)}>
            Put real credentials into the commands
          </GatedButton>
          {live && (
            <span className="text-12 text-ink-2">
              It has credentials already; they can go on working beside the new ones.
            </span>
          )}
        </div>
      )}
      <Commands device={id} site={device.site_id} state={device.state} credentials={credentials} />
      <Listening key={id} device={id} />
      {making && <RotateDialog device={id} hasLive={live} onClose={() => setMaking(false)} />}
    </div>
  );
}

export function DataStep() {
  const devices = useDevicePage({}, 50);
  const [chosen, setChosen] = useState<string | null>(() => sessionStorage.getItem('pulse.start.device'));
  const list = devices.data?.devices ?? [];
  const device =
    list.find((d) => d.device_id === chosen) ?? list.find((d) => !d.last_seen_at) ?? list[0];
  useEffect(() => {
    if (chosen) sessionStorage.setItem('pulse.start.device', chosen);
  }, [chosen]);
  if (devices.error && !devices.data)
    return (
      <Failure error={devices.error} what="Devices" retry={() => void devices.refetch()} />
    );
  if (devices.isPending) return <Skeleton className="h-40" />;
  if (!device) return <p className="text-ink-2">Add a device first.</p>;
  return (
    <div className="flex flex-col gap-3">
      {list.length > 1 && (
        <div className="max-w-80">
          <SelectField
            label="Device"
            value={device.device_id}
            onChange={setChosen}
            options={list.map((d) => ({
              value: d.device_id,
              label: d.name && d.name !== d.device_id ? `${d.name} (${d.device_id})` : d.device_id,
            }))}
          />
        </div>
      )}
      <For key={device.device_id} device={device} />
    </div>
  );
}
