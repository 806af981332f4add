import { asApiError } from '@/api/errors';
import { oncall, type Schedule } from '@/api/oncall';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { bodyOf, emptyLayer, faultsOf, formOf, type LayerForm } from './schedule-form';
import { LayerFields } from './layer-fields';
import { usePeopleNames, useRefreshOncall } from './queries';

const zones = Intl.supportedValuesOf('timeZone');

/** Creates a schedule with its layers, or edits one. */
export function ScheduleDialog({
  schedule,
  onSaved,
  onClose,
}: {
  schedule: Schedule | null;
  onSaved?: (id: number) => void;
  onClose: () => void;
}) {
  const refresh = useRefreshOncall();
  const names = usePeopleNames();
  const form = useForm(formOf(schedule, Intl.DateTimeFormat().resolvedOptions().timeZone));
  const v = form.values;
  const save = () => {
    const body = bodyOf(v);
    return schedule ? oncall.replace(schedule.schedule_id, body) : oncall.create(body);
  };
  const told = form.error ? asApiError(form.error).fields : {};
  const change = (at: number, next: Partial<LayerForm>) =>
    form.set('layers', v.layers.map((l, i) => (i === at ? { ...l, ...next } : l)));
  const move = (at: number) => {
    const layers = [...v.layers];
    layers.splice(at - 1, 0, ...layers.splice(at, 1));
    form.set('layers', layers);
  };
  return (
    <FormDialog
      wide
      title={schedule ? `Edit ${schedule.name}` : 'New on-call schedule'}
      description="Who answers, in turns. The top layer that has people counts."
      submit={schedule ? 'Save' : 'Create schedule'}
      form={form}
      faults={() => faultsOf(v)}
      save={save}
      told={(saved) => (schedule ? 'Saved' : `${saved.name} is created`)}
      onSaved={(saved) => {
        refresh();
        onSaved?.(saved.schedule_id);
      }}
      onClose={onClose}
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="Name"
          autoFocus
          {...form.text('name')}
          placeholder="Operations"
        />
        <TextField
          label="Time zone"
          list="time-zones"
          {...form.text('timezone')}
          help="Handoffs are by its wall clock, also when clocks change."
        />
      </div>
      <datalist id="time-zones">
        {zones.map((z) => (
          <option key={z} value={z} />
        ))}
      </datalist>
      <datalist id="oncall-people">
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
      <TextField
        label="Description"
        optional
        {...form.text('description')}
      />
      {v.layers.map((layer, i) => (
        <LayerFields
          key={layer.key}
          layer={layer}
          number={i + 1}
          zone={v.timezone.trim() || 'UTC'}
          fault={(name) => form.fault(`layers.${i}.${name}` as 'layers') ?? told[`layers.${i}.${name}`]}
          onChange={(next) => change(i, next)}
          onUp={i > 0 ? () => move(i) : undefined}
          onRemove={() => form.set('layers', v.layers.filter((_, at) => at !== i))}
        />
      ))}
      <Button
        className="self-start"
        onClick={() => form.set('layers', [...v.layers, emptyLayer(v.layers.length + 1)])}
      >
        Add layer
      </Button>
    </FormDialog>
  );
}
