import { useState } from 'react';
import { toast } from 'sonner';
import { instances, type DeviceModule } from '@/api/instances';
import type { TemplateSlot } from '@/api/templates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useTemplate, useTemplates } from '@/features/templates/queries';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { mapOf, pairsFault, pairsOf, type Pair } from './key-map';
import { useHardwareWrite } from './queries';

const cell = 'h-8 min-w-0 rounded-m border border-line-strong bg-surface px-2 font-mono text-12';

/** Under which names the module's metrics are stored. */
function KeyMap({
  pairs,
  known,
  fault,
  onChange,
}: {
  pairs: Pair[];
  known: readonly string[];
  fault: string | undefined;
  onChange: (pairs: Pair[]) => void;
}) {
  const put = (i: number, next: Partial<Pair>) =>
    onChange(pairs.map((p, n) => (n === i ? { ...p, ...next } : p)));
  return (
    <fieldset>
      <legend className="font-medium">
        Names of its metrics <span className="font-normal text-ink-3">(optional)</span>
      </legend>
      <p className="mb-1.5 text-12 text-ink-3">
        What it sends as the left name is stored as the right one, from the next message on.
      </p>
      <datalist id="module-metrics">
        {known.map((k) => (
          <option key={k} value={k} />
        ))}
      </datalist>
      <div className="flex flex-col gap-1.5">
        {pairs.map((p, i) => (
          <div key={i} className="grid grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)_auto] items-center gap-2">
            <input
              aria-label={`Sent name ${i + 1}`}
              list="module-metrics"
              value={p.from}
              onChange={(e) => put(i, { from: e.target.value })}
              placeholder="t1"
              className={cell}
            />
            <span aria-hidden="true">→</span>
            <input
              aria-label={`Stored name ${i + 1}`}
              value={p.to}
              onChange={(e) => put(i, { to: e.target.value })}
              placeholder="tank_temperature"
              className={cell}
            />
            <Button small kind="quiet" aria-label={`Remove line ${i + 1}`} onClick={() => onChange(pairs.filter((_, n) => n !== i))}>
              ✕
            </Button>
          </div>
        ))}
        {fault && (
          <p role="alert" className="text-12 text-critical">
            ▲ {fault}
          </p>
        )}
        <Button small className="self-start" onClick={() => onChange([...pairs, { from: '', to: '' }])}>
          Add a name
        </Button>
      </div>
    </fieldset>
  );
}

/** Installs a module in a slot, or shows and changes one that is there. */
export function ModuleDialog({
  device,
  slot,
  module,
  onClose,
}: {
  device: string;
  slot: Pick<TemplateSlot, 'slot_key' | 'display_name' | 'max_devices' | 'compatible_templates'>;
  module: DeviceModule | null;
  onClose: () => void;
}) {
  const all = useTemplates();
  const fitting = (all.data ?? []).filter(
    (t) =>
      t.category === 'expansion_module' &&
      (!slot.compatible_templates || slot.compatible_templates.includes(t.id)),
  );
  const [removing, setRemoving] = useState(false);
  const form = useForm({
    label: module?.label ?? '',
    module_template_id: module?.module_template ? String(module.module_template.id) : '',
    bus_address: module?.bus_address ?? '',
    serial_number: module?.serial_number ?? '',
    pairs: pairsOf(module?.metric_key_map ?? {}),
  });
  const v = form.values;
  const chosen = useTemplate(v.module_template_id ? Number(v.module_template_id) : null);
  const common = {
    label: v.label.trim(),
    serial_number: v.serial_number.trim() || null,
    metric_key_map: mapOf(v.pairs),
  };
  const save = useHardwareWrite<void, unknown>(
    () =>
      module
        ? instances.changeModule(device, module.id, common)
        : instances.install(device, {
            ...common,
            slot_key: slot.slot_key,
            bus_address: v.bus_address.trim() || null,
            module_template_id: v.module_template_id ? Number(v.module_template_id) : null,
          }),
    {
      onSuccess: () => {
        toast.success(module ? 'Saved' : `${common.label} is installed`);
        onClose();
      },
      onError: form.setError,
    },
  );
  const remove = useHardwareWrite(() => instances.removeModule(device, module!.id), {
    onSuccess: () => {
      toast.success(`${module!.label} is removed`);
      onClose();
    },
  });
  if (removing && module)
    return (
      <Confirm
        title={`Remove ${module.label}?`}
        action="Remove module"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(undefined)}
        onClose={() => setRemoving(false)}
      >
        <p>
          Its place in {slot.display_name} becomes free and its sensors inactive. What it has measured stays.
        </p>
      </Confirm>
    );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={module ? module.label : `Install in ${slot.display_name}`}
      description={module ? `In ${slot.display_name}${module.bus_address ? ` at ${module.bus_address}` : ''}` : undefined}
    >
      <DialogForm
        submit={module ? 'Save' : 'Install'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ label: v.label.trim() === '' && 'Give a name.', pairs: pairsFault(v.pairs) }))
            save.mutate();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          value={v.label}
          onChange={(e) => form.set('label', e.target.value)}
          fault={form.fault('label')}
          placeholder="Tank probe"
        />
        {!module && (
          <SelectField
            label="Template"
            none="No template"
            help={
              slot.compatible_templates
                ? `${fitting.length} fit this slot. It brings the sensors that it requires.`
                : 'It brings the sensors that it requires.'
            }
            value={v.module_template_id}
            onChange={(x) => form.set('module_template_id', x)}
            fault={form.fault('module_template_id')}
            options={fitting.map((t) => ({ value: String(t.id), label: t.name }))}
          />
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          {!module && (
            <TextField
              label="Bus address"
              optional
              mono
              help={slot.max_devices === 1 ? undefined : 'What tells it from others in the slot.'}
              value={v.bus_address}
              onChange={(e) => form.set('bus_address', e.target.value)}
              fault={form.fault('bus_address')}
            />
          )}
          <TextField
            label="Serial number"
            optional
            value={v.serial_number}
            onChange={(e) => form.set('serial_number', e.target.value)}
            fault={form.fault('serial_number')}
          />
        </div>
        <KeyMap
          pairs={v.pairs}
          known={chosen.data?.metrics.map((m) => m.metric_key) ?? []}
          fault={form.fault('pairs') ?? form.fault('metric_key_map' as 'pairs')}
          onChange={(pairs) => form.set('pairs', pairs)}
        />
        {module && (
          <div>
            <GatedButton needs={needs.editHardware} small kind="danger" onClick={() => setRemoving(true)}>
              Remove this module
            </GatedButton>
          </div>
        )}
      </DialogForm>
    </Dialog>
  );
}
