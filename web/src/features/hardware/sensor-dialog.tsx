import { toast } from 'sonner';
import { instances, type DeviceSensor, type SensorInput } from '@/api/instances';
import type { TemplateMetric } from '@/api/templates';
import { numberOrNull, useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { useHardwareWrite } from './queries';

/** Adds a sensor, of a metric of the template or of its own; or changes what one shows. */
export function SensorDialog({
  device,
  sensor,
  free,
  onClose,
}: {
  device: string;
  sensor: DeviceSensor | null;
  /** Metrics of the template that have no sensor yet. */
  free: readonly TemplateMetric[];
  onClose: () => void;
}) {
  const form = useForm({
    template_metric_id: '',
    metric_key: sensor?.metric_key ?? '',
    display_name: sensor?.display_name ?? '',
    unit: sensor?.unit ?? '',
    min_range: sensor?.min_range?.toString() ?? '',
    max_range: sensor?.max_range?.toString() ?? '',
    precision_digits: String(sensor?.precision_digits ?? 2),
  });
  const v = form.values;
  const shown = {
    display_name: v.display_name.trim(),
    unit: v.unit.trim() || null,
    min_range: numberOrNull(v.min_range),
    max_range: numberOrNull(v.max_range),
    precision_digits: Number(v.precision_digits),
  };
  const input: SensorInput = {
    ...shown,
    metric_key: v.metric_key,
    template_metric_id: v.template_metric_id ? Number(v.template_metric_id) : null,
  };
  const save = useHardwareWrite<void, unknown>(
    () =>
      sensor ? instances.changeSensor(device, sensor.id, shown) : instances.addSensor(device, input),
    {
      onSuccess: () => {
        toast.success(sensor ? 'Saved' : `${shown.display_name} is added`);
        onClose();
      },
      onError: form.setError,
    },
  );
  const take = (id: string) => {
    form.set('template_metric_id', id);
    const m = free.find((x) => String(x.id) === id);
    if (!m) return;
    form.set('metric_key', m.metric_key);
    form.set('display_name', m.display_name);
    form.set('unit', m.unit ?? '');
    form.set('min_range', m.min_value?.toString() ?? '');
    form.set('max_range', m.max_value?.toString() ?? '');
    form.set('precision_digits', String(Math.min(6, m.precision_digits)));
  };
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={sensor ? `Edit ${sensor.display_name}` : 'Add a sensor'}
    >
      <DialogForm
        submit={sensor ? 'Save' : 'Add sensor'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            metric_key:
              !sensor &&
              !/^[a-zA-Z][a-zA-Z0-9_]{0,99}$/.test(v.metric_key) &&
              'A letter, then letters, digits and “_”, at most 100.',
            display_name: v.display_name.trim() === '' && 'Give a name.',
            min_range: Number.isNaN(shown.min_range) && 'A number.',
            max_range: Number.isNaN(shown.max_range)
              ? 'A number.'
              : shown.min_range !== null &&
                shown.max_range !== null &&
                shown.max_range < shown.min_range &&
                'Not less than the minimum.',
            precision_digits: !/^[0-6]$/.test(v.precision_digits) && '0 to 6.',
          });
          if (good) save.mutate();
        }}
      >
        {!sensor && free.length > 0 && (
          <SelectField
            label="Metric of the template"
            none="One of its own"
            value={v.template_metric_id}
            onChange={take}
            options={free.map((m) => ({ value: String(m.id), label: `${m.display_name} (${m.metric_key})` }))}
          />
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Key"
            mono
            disabled={sensor !== null || v.template_metric_id !== ''}
            value={v.metric_key}
            onChange={(e) => form.set('metric_key', e.target.value.trim())}
            fault={form.fault('metric_key')}
            help="As the device sends it."
          />
          <TextField
            label="Name"
            value={v.display_name}
            onChange={(e) => form.set('display_name', e.target.value)}
            fault={form.fault('display_name')}
          />
        </div>
        <div className="grid grid-cols-2 gap-3 sm:grid-cols-4">
          {(
            [
              ['unit', 'Unit'],
              ['min_range', 'Minimum'],
              ['max_range', 'Maximum'],
              ['precision_digits', 'Decimals'],
            ] as const
          ).map(([name, label]) => (
            <TextField
              key={name}
              label={label}
              inputMode={name === 'unit' ? undefined : 'decimal'}
              value={v[name]}
              onChange={(e) => form.set(name, e.target.value)}
              fault={form.fault(name)}
            />
          ))}
        </div>
      </DialogForm>
    </Dialog>
  );
}
