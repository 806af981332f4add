import { hourOptions } from '@/lib/choices';
import { Button } from '@/ui/button';
import { AreaField, SelectField, TextField } from '@/ui/field';
import type { LayerForm } from './schedule-form';

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'].map(
  (label, i) => ({ value: String(i), label }),
);
const rotations = [
  { value: 'daily', label: 'Each day' },
  { value: 'weekly', label: 'Each week' },
  { value: 'custom', label: 'After some hours' },
];

/** One layer of a schedule. */
export function LayerFields({
  layer: l,
  number,
  zone,
  fault,
  onChange,
  onUp,
  onRemove,
}: {
  layer: LayerForm;
  number: number;
  /** Of the schedule. */
  zone: string;
  fault: (name: string) => string | undefined;
  onChange: (next: Partial<LayerForm>) => void;
  onUp?: () => void;
  onRemove: () => void;
}) {
  return (
    <fieldset className="flex flex-col gap-3 rounded-m border p-3">
      <legend className="px-1 font-medium">Layer {number}</legend>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="Layer name"
          value={l.name}
          onChange={(e) => onChange({ name: e.target.value })}
          fault={fault('name')}
        />
        <SelectField
          label="Changes"
          value={l.rotation}
          onChange={(rotation) => onChange({ rotation: rotation as LayerForm['rotation'] })}
          options={rotations}
        />
        {l.rotation === 'custom' && (
          <TextField
            label="Hours of a shift"
            inputMode="numeric"
            value={l.hours}
            onChange={(e) => onChange({ hours: e.target.value })}
            fault={fault('shift_duration_hours')}
            help="Whole days end at the handoff hour; others are elapsed hours."
          />
        )}
        <div className="grid grid-cols-2 gap-3">
          <SelectField label="Handoff day" value={l.day} onChange={(day) => onChange({ day })} options={days} />
          <SelectField label="Hour" value={l.hour} onChange={(hour) => onChange({ hour })} options={hourOptions(0, 23)} />
        </div>
      </div>
      <TextField
        label="Turns are counted from"
        optional
        type="datetime-local"
        value={l.start}
        onChange={(e) => onChange({ start: e.target.value })}
        fault={fault('rotation_start')}
        help={`The first person’s shift begins at the handoff before it, by the clock of ${zone}. Empty: ${l.layer_id === null ? 'now' : 'as it was'}.`}
      />
      <AreaField
        label="People, in their order"
        rows={3}
        value={l.people}
        onChange={(people) => onChange({ people })}
        fault={fault('responders')}
        help="One a line: usernames of your team, or email addresses. Without people the layer below counts."
      />
      <div className="flex justify-end gap-2">
        {onUp && (
          <Button small onClick={onUp}>
            Move up
          </Button>
        )}
        <Button small kind="danger" onClick={onRemove} aria-label={`Remove layer ${number}`}>
          Remove
        </Button>
      </div>
    </fieldset>
  );
}
