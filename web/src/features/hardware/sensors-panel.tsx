import { useState } from 'react';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { instances, type DeviceSensor } from '@/api/instances';
import type { Device } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { useTemplate } from '@/features/templates/queries';
import { decimalsOf, value, withUnit } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { MoreIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { usageOf } from '@/ui/usage';
import { useHardwareWrite, useSensors } from './queries';
import { outside, rangeOf } from './ranges';
import { SensorDialog } from './sensor-dialog';

const sources = { required: 'required', optional: 'of the template', unmodeled: 'of its own' } as const;

export function SensorsPanel({ device }: { device: Device }) {
  const id = device.device_id;
  const query = useSensors(id);
  const template = useTemplate(device.template?.id ?? device.template_id);
  const [editing, setEditing] = useState<DeviceSensor | 'new' | null>(null);
  const [deleting, setDeleting] = useState<DeviceSensor | null>(null);
  const remove = useHardwareWrite((s: DeviceSensor) => instances.deleteSensor(id, s.id), {
    onSuccess: () => setDeleting(null),
  });
  const turn = useHardwareWrite(
    (s: DeviceSensor) =>
      instances.changeSensor(id, s.id, { status: s.status === 'active' ? 'inactive' : 'active' }),
    { onError: (error) => toast.error(asApiError(error).message) },
  );
  const list = query.data;
  const usage = list && usageOf(list.total, list.sensor_limit);
  const free = (template.data?.metrics ?? []).filter(
    (m) => !list?.sensors.some((s) => s.metric_key === m.metric_key),
  );
  return (
    <Panel
      title="Sensors"
      aside={
        list && (
          <>
            <span className={`num ${usage && usage.tone !== 'accent' ? `text-${usage.tone}` : ''}`} data-testid="sensor-limit">
              {list.total} of {list.sensor_limit}
              {usage?.word && `, ${usage.word}`}
            </span>
            <GatedButton needs={needs.editHardware} small onClick={() => setEditing('new')}>
              Add sensor
            </GatedButton>
          </>
        )
      }
    >
      {query.error && !list ? (
        <Failure error={query.error} what="The sensors" retry={() => void query.refetch()} />
      ) : !list ? (
        <SkeletonRows rows={5} label="Loading sensors" />
      ) : list.sensors.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">
          No sensors yet. They come with its template, with the first message that names a metric, or by hand.
        </p>
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of sensors">
          <table className="w-full text-left">
            <thead className="text-12 text-ink-2">
              <tr className="border-b">
                {['Sensor', 'Last value'].map((h) => (
                  <th key={h} scope="col" className="px-3 py-1.5 font-normal">
                    {h}
                  </th>
                ))}
                {['Seen', 'Range', 'Decimals', 'Source'].map((h) => (
                  <th key={h} scope="col" className="px-3 py-1.5 font-normal max-sm:hidden">
                    {h}
                  </th>
                ))}
                <th scope="col">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.sensors.map((s) => (
                <tr key={s.id} data-sensor={s.metric_key} className="border-b last:border-b-0 hover:bg-surface-2">
                  <td className="px-3 py-1.5">
                    <span className="block font-medium">
                      {s.display_name}
                      {s.status !== 'active' && <span className="font-normal text-ink-3"> ({s.status})</span>}
                    </span>
                    <span className="font-mono text-12 text-ink-2">
                      {s.metric_key}
                      {s.module && ` · ${s.module.label}`}
                    </span>
                  </td>
                  <td className="num px-3 py-1.5 whitespace-nowrap">
                    {s.last_value === null
                      ? (s.last_value_text ?? <span className="text-ink-3">none yet</span>)
                      : withUnit(s.last_value, s.unit, decimalsOf([s.last_value], s.precision_digits))}
                    {outside(s) && <span className="block text-12 text-warning">▲ out of range</span>}
                  </td>
                  <td className="px-3 py-1.5 max-sm:hidden">
                    <Ago at={s.last_seen_at} />
                  </td>
                  <td className="num px-3 py-1.5 max-sm:hidden">
                    {rangeOf(s)} {rangeOf(s) && s.unit}
                  </td>
                  <td className="num px-3 py-1.5 max-sm:hidden">{value(s.precision_digits, 0)}</td>
                  <td className="px-3 py-1.5 text-ink-2 max-sm:hidden">{sources[s.source] ?? s.source}</td>
                  <td className="px-2 py-1 text-right">
                    <Menu
                      trigger={
                        <Button small kind="quiet" aria-label={`Actions of ${s.display_name}`}>
                          <MoreIcon />
                        </Button>
                      }
                    >
                      <GatedItem needs={needs.editHardware} onSelect={() => setEditing(s)}>
                        Edit
                      </GatedItem>
                      <GatedItem needs={needs.editHardware} onSelect={() => turn.mutate(s)}>
                        {s.status === 'active' ? 'Deactivate' : 'Activate'}
                      </GatedItem>
                      {s.source !== 'required' && (
                        <GatedItem needs={needs.editHardware} danger onSelect={() => setDeleting(s)}>
                          Delete
                        </GatedItem>
                      )}
                    </Menu>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {editing && (
        <SensorDialog
          device={id}
          sensor={editing === 'new' ? null : editing}
          free={free}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.display_name}?`}
          action="Delete sensor"
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(deleting)}
          onClose={() => {
            remove.reset();
            setDeleting(null);
          }}
        >
          <p>
            What it has measured stays. If the device goes on sending {deleting.metric_key}, the sensor is there
            again with the next message; deactivate it to be rid of it.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
