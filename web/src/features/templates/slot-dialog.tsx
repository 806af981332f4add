import { templates, type TemplateDetail, type TemplateSlot } from '@/api/templates';
import { numberOrNull, useForm } from '@/lib/use-form';
import { SelectField, TextField } from '@/ui/field';
import { CheckField } from '@/ui/check-field';
import { DescriptionField, KeyAndName, PartDialog, usePartSave } from './part-dialog';
import { useTemplates } from './queries';

const interfaces = ['analog', 'rs485', 'i2c', 'spi', '1-wire', 'fsk', 'ble', 'lora', 'gpio', 'usb'];
const kinds = [
  { value: 'expansion', label: 'Expansion' },
  { value: 'sensor', label: 'Sensor' },
  { value: 'accessory', label: 'Accessory' },
];

export function SlotDialog({
  template,
  slot,
  onClose,
}: {
  template: TemplateDetail;
  slot: TemplateSlot | null;
  onClose: () => void;
}) {
  const all = useTemplates();
  const modules = (all.data ?? []).filter((t) => t.category === 'expansion_module');
  const form = useForm({
    slot_key: slot?.slot_key ?? '',
    display_name: slot?.display_name ?? '',
    slot_type: slot?.slot_type ?? 'expansion',
    interface_type: slot?.interface_type ?? 'rs485',
    max_devices: slot ? (slot.max_devices?.toString() ?? '') : '1',
    compatible_templates: slot?.compatible_templates ?? [],
    is_required: slot?.is_required ?? false,
    description: slot?.description ?? '',
  });
  const v = form.values;
  const most = numberOrNull(v.max_devices);
  const save = usePartSave(
    () =>
      templates.savePart('slots', template.id, slot?.id ?? null, {
        slot_key: v.slot_key,
        display_name: v.display_name.trim(),
        slot_type: v.slot_type,
        interface_type: v.interface_type,
        max_devices: most,
        compatible_templates: v.compatible_templates.length > 0 ? v.compatible_templates : null,
        is_required: v.is_required,
        description: v.description.trim() || null,
        sort_order: slot?.sort_order ?? template.slots.length,
      }),
    { editing: slot !== null, form, onClose },
  );
  const toggle = (id: number, on: boolean) =>
    form.set(
      'compatible_templates',
      on ? [...v.compatible_templates, id] : v.compatible_templates.filter((x) => x !== id),
    );
  const check = () =>
    form.check({
      slot_key:
        !slot &&
        !/^[a-z0-9][a-z0-9_-]{0,99}$/.test(v.slot_key) &&
        'Small letters, digits, “-” and “_”, at most 100.',
      display_name: v.display_name.trim() === '' && 'Give a name.',
      max_devices: most !== null && !(Number.isInteger(most) && most >= 0) && 'A whole number, or nothing.',
    });
  return (
    <PartDialog
      noun="slot"
      part={slot}
      description="Room for modules on devices of this kind."
      form={form}
      save={save}
      check={check}
      onClose={onClose}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <KeyAndName
          editing={slot !== null}
          partKey={{
            value: v.slot_key,
            onChange: (x) => form.set('slot_key', x),
            fault: form.fault('slot_key'),
            placeholder: 'port-a',
          }}
          name={{
            value: v.display_name,
            onChange: (x) => form.set('display_name', x),
            fault: form.fault('display_name'),
            placeholder: 'Port A',
          }}
        />
        <SelectField
          label="Kind"
          options={kinds}
          value={v.slot_type}
          onChange={(x) => form.set('slot_type', x)}
          fault={form.fault('slot_type')}
        />
        <SelectField
          label="Interface"
          options={interfaces.map((value) => ({ value, label: value }))}
          value={v.interface_type}
          onChange={(x) => form.set('interface_type', x)}
          fault={form.fault('interface_type')}
        />
        <TextField
          label="Modules at most"
          optional
          inputMode="numeric"
          help="Nothing: any number, as on a bus."
          value={v.max_devices}
          onChange={(e) => form.set('max_devices', e.target.value)}
          fault={form.fault('max_devices')}
        />
        <DescriptionField
          value={v.description}
          onChange={(x) => form.set('description', x)}
          fault={form.fault('description')}
        />
      </div>
      {modules.length > 0 && (
        <fieldset>
          <legend className="mb-1 font-medium">
            Takes <span className="font-normal text-ink-3">(none chosen: any module)</span>
          </legend>
          <div className="grid max-h-40 gap-1 overflow-y-auto sm:grid-cols-2">
            {modules.map((m) => (
              <CheckField
                key={m.id}
                label={m.name}
                checked={v.compatible_templates.includes(m.id)}
                onChange={(on) => toggle(m.id, on)}
              />
            ))}
          </div>
        </fieldset>
      )}
      <CheckField
        label="Required"
        help="A device is not complete without a module here."
        checked={v.is_required}
        onChange={(on) => form.set('is_required', on)}
      />
    </PartDialog>
  );
}
