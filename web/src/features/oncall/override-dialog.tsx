import { oncall, type Schedule } from '@/api/oncall';
import { useForm } from '@/lib/use-form';
import { SelectField, TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { usePeopleNames, useRefreshOncall } from './queries';
import { instantOf, wallClock } from './zoned';

/** Lets somebody take over for a while. */
export function OverrideDialog({
  schedule,
  from,
  to,
  onClose,
}: {
  schedule: Schedule;
  from: number;
  to: number;
  onClose: () => void;
}) {
  const refresh = useRefreshOncall();
  const zone = schedule.timezone;
  const names = [...new Set([...schedule.layers.flatMap((l) => l.responders), ...usePeopleNames()])];
  const form = useForm({
    responder: '',
    start_at: wallClock(from, zone),
    end_at: wallClock(to, zone),
    reason: '',
    layer: '',
  });
  const v = form.values;
  const start = instantOf(v.start_at, zone);
  const end = instantOf(v.end_at, zone);
  const save = () =>
    oncall.addOverride(schedule.schedule_id, {
      responder: v.responder.trim(),
      start_at: new Date(start).toISOString(),
      end_at: new Date(end).toISOString(),
      reason: v.reason.trim() || null,
      layer_id: v.layer === '' ? null : Number(v.layer),
    });
  return (
    <FormDialog
      title="Override"
      description={`Somebody takes over in ${schedule.name}. Times are those of ${zone}.`}
      submit="Add override"
      form={form}
      faults={() => ({
        responder: v.responder.trim() === '' && 'Say who takes over.',
        start_at: Number.isNaN(start) && 'Give a time.',
        end_at: Number.isNaN(end) ? 'Give a time.' : end <= start && 'Must be after the beginning.',
      })}
      save={save}
      told={`${v.responder.trim()} takes over`}
      onSaved={refresh}
      onClose={onClose}
    >
      <TextField
        label="Who takes over"
        autoFocus
        list="oncall-people"
        {...form.text('responder')}
        help="A username of your team, or an email address."
      />
      <datalist id="oncall-people">
        {names.map((n) => (
          <option key={n} value={n} />
        ))}
      </datalist>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="From"
          type="datetime-local"
          {...form.text('start_at')}
        />
        <TextField
          label="To"
          type="datetime-local"
          {...form.text('end_at')}
        />
      </div>
      {schedule.layers.length > 0 && (
        <SelectField
          label="In the row of"
          none="The whole schedule"
          options={schedule.layers.map((l) => ({ value: String(l.layer_id), label: l.name }))}
          {...form.choice('layer')}
          help="An override goes before all layers, whichever row shows it."
        />
      )}
      <TextField
        label="Reason"
        optional
        {...form.text('reason')}
      />
    </FormDialog>
  );
}
