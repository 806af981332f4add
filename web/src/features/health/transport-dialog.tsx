import { toast } from 'sonner';
import {
  connectivities,
  instances,
  protocols,
  transportStatuses,
  type DeviceTransport,
  type TransportInput,
} from '@/api/instances';
import { useHardwareWrite } from '@/features/hardware/queries';
import { useForm } from '@/lib/use-form';
import { CheckField } from '@/ui/check-field';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField } from '@/ui/field';

export const protocolNames: Record<DeviceTransport['ingestion_protocol'], string> = {
  mqtt_direct: 'MQTT',
  http_api: 'HTTP',
  lorawan: 'LoRaWAN',
  gateway_proxy: 'By a gateway',
  modbus_rtu: 'Modbus RTU',
};

function objectOf(text: string): { value: Record<string, unknown>; fault: string | false } {
  if (text.trim() === '') return { value: {}, fault: false };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { value: value as Record<string, unknown>, fault: false };
    return { value: {}, fault: 'A JSON object, such as {"keepalive": 60}.' };
  } catch (error) {
    return { value: {}, fault: `Not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const shown = (o: Record<string, unknown> | undefined) =>
  o && Object.keys(o).length > 0 ? JSON.stringify(o, null, 2) : '';

export function TransportDialog({
  device,
  transport,
  taken,
  onClose,
}: {
  device: string;
  transport: DeviceTransport | null;
  /** Protocols that have a transport already: one row each. */
  taken: readonly string[];
  onClose: () => void;
}) {
  const free = protocols.filter((p) => !taken.includes(p));
  const form = useForm({
    ingestion_protocol: (transport?.ingestion_protocol ?? free[0] ?? 'mqtt_direct') as string,
    physical_connectivity: (transport?.physical_connectivity ?? '') as string,
    status: (transport?.status ?? 'active') as string,
    is_primary: transport?.is_primary ?? taken.length === 0,
    protocol_config: shown(transport?.protocol_config),
    connectivity_config: shown(transport?.connectivity_config),
  });
  const v = form.values;
  const protocol = objectOf(v.protocol_config);
  const connectivity = objectOf(v.connectivity_config);
  const common = {
    physical_connectivity: (v.physical_connectivity || null) as TransportInput['physical_connectivity'],
    status: v.status as TransportInput['status'],
    is_primary: v.is_primary,
    protocol_config: protocol.value,
    connectivity_config: connectivity.value,
  };
  const save = useHardwareWrite<void, unknown>(
    () =>
      transport
        ? instances.changeTransport(device, transport.id, common)
        : instances.addTransport(device, {
            ...common,
            ingestion_protocol: v.ingestion_protocol as TransportInput['ingestion_protocol'],
          }),
    {
      onSuccess: () => {
        toast.success('Saved');
        onClose();
      },
      onError: form.setError,
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={transport ? `Edit ${protocolNames[transport.ingestion_protocol]}` : 'Add a transport'}
    >
      <DialogForm
        submit={transport ? 'Save' : 'Add transport'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ protocol_config: protocol.fault, connectivity_config: connectivity.fault }))
            save.mutate();
        }}
      >
        {!transport && (
          <SelectField
            label="Protocol"
            options={free.map((value) => ({ value, label: protocolNames[value] }))}
            value={v.ingestion_protocol}
            onChange={(x) => form.set('ingestion_protocol', x)}
            fault={form.fault('ingestion_protocol')}
          />
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="Over"
            none="Not said"
            options={connectivities.map((value) => ({ value, label: value }))}
            value={v.physical_connectivity}
            onChange={(x) => form.set('physical_connectivity', x)}
            fault={form.fault('physical_connectivity')}
          />
          <SelectField
            label="Status"
            options={transportStatuses.map((value) => ({ value, label: value }))}
            value={v.status}
            onChange={(x) => form.set('status', x)}
            fault={form.fault('status')}
          />
        </div>
        <CheckField
          label="Primary"
          help="The way that is used first; another one gives its place up."
          checked={v.is_primary}
          onChange={(on) => form.set('is_primary', on)}
        />
        <AreaField
          label="Protocol settings"
          optional
          help="A JSON object."
          value={v.protocol_config}
          onChange={(x) => form.set('protocol_config', x)}
          fault={form.fault('protocol_config')}
        />
        <AreaField
          label="Connectivity settings"
          optional
          help="A JSON object."
          value={v.connectivity_config}
          onChange={(x) => form.set('connectivity_config', x)}
          fault={form.fault('connectivity_config')}
        />
      </DialogForm>
    </Dialog>
  );
}
