// The device that a page of tools speaks as: the one of the address, else the first.
import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/customer';
import type { Device } from '@/api/types';
import { useDevicePage } from '@/features/devices/queries';
import { useUrl } from '@/lib/use-url';
import { SelectField } from '@/ui/field';

const most = 100;

export function useDeviceChoice() {
  const { get, set } = useUrl();
  const wanted = get('device');
  const page = useDevicePage({}, most);
  const first = page.data?.devices;
  const listed = first?.find((d) => d.device_id === wanted);
  // Beyond the first hundred it is asked for by its id.
  const single = useQuery({
    queryKey: ['device', wanted],
    queryFn: () => api.device(wanted!),
    enabled: wanted !== null && first !== undefined && !listed,
  });
  const named = listed ?? (wanted === null ? undefined : single.data);
  const devices = first && named && !listed ? [named, ...first] : (first ?? []);
  return {
    device: named ?? (single.isLoading ? undefined : devices[0]),
    devices,
    pending: page.isPending || single.isLoading,
    error: page.data ? null : page.error,
    retry: () => void page.refetch(),
    choose: (id: string) => set({ device: id }),
  };
}

export function DeviceChoice({
  device,
  devices,
  choose,
}: {
  device: Device;
  devices: Device[];
  choose: (id: string) => void;
}) {
  return (
    <div className="max-w-100">
      <SelectField
        label="Device"
        value={device.device_id}
        onChange={choose}
        options={devices.map((d) => ({
          value: d.device_id,
          label: d.name && d.name !== d.device_id ? `${d.name} (${d.device_id})` : d.device_id,
        }))}
      />
    </div>
  );
}
