import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { oncall, type Schedule } from '@/api/oncall';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
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
  const save = useMutation({
    mutationFn: () =>
      oncall.addOverride(schedule.schedule_id, {
        responder: v.responder.trim(),
        start_at: new Date(start).toISOString(),
        end_at: new Date(end).toISOString(),
        reason: v.reason.trim() || null,
        layer_id: v.layer === '' ? null : Number(v.layer),
      }),
    onSuccess: () => {
      toast.success(`${v.responder.trim()} takes over`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="Override"
      description={`Somebody takes over in ${schedule.name}. Times are those of ${zone}.`}
    >
      <DialogForm
        submit="Add override"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            responder: v.responder.trim() === '' && 'Say who takes over.',
            start_at: Number.isNaN(start) && 'Give a time.',
            end_at: Number.isNaN(end) ? 'Give a time.' : end <= start && 'Must be after the beginning.',
          });
          if (good) save.mutate();
        }}
      >
        <TextField
          label="Who takes over"
          autoFocus
          list="oncall-people"
          value={v.responder}
          onChange={(e) => form.set('responder', e.target.value)}
          fault={form.fault('responder')}
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
            value={v.start_at}
            onChange={(e) => form.set('start_at', e.target.value)}
            fault={form.fault('start_at')}
          />
          <TextField
            label="To"
            type="datetime-local"
            value={v.end_at}
            onChange={(e) => form.set('end_at', e.target.value)}
            fault={form.fault('end_at')}
          />
        </div>
        {schedule.layers.length > 0 && (
          <SelectField
            label="In the row of"
            none="The whole schedule"
            options={schedule.layers.map((l) => ({ value: String(l.layer_id), label: l.name }))}
            value={v.layer}
            onChange={(layer) => form.set('layer', layer)}
            fault={form.fault('layer')}
            help="An override goes before all layers, whichever row shows it."
          />
        )}
        <TextField
          label="Reason"
          optional
          value={v.reason}
          onChange={(e) => form.set('reason', e.target.value)}
          fault={form.fault('reason')}
        />
      </DialogForm>
    </Dialog>
  );
}
