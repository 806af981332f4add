import { useQueryClient } from '@tanstack/react-query';
import { alerting, type MaintenanceWindow } from '@/api/alerts';
import { useSites } from '@/features/sites/queries';
import { hourOptions, toggled } from '@/lib/choices';
import { useForm } from '@/lib/use-form';
import { Fault, SelectField, Segmented, TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { days, fromLocal, listOf, toLocal } from './words';

/** Creates a window, or edits one. */
export function WindowDialog({
  window: w,
  zone,
  onClose,
}: {
  window: MaintenanceWindow | null;
  zone: string;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const sites = useSites();
  const form = useForm({
    name: w?.name ?? '',
    kind: w?.recurring ? 'weekly' : 'once',
    starts_at: toLocal(w?.starts_at ?? new Date().toISOString()),
    ends_at: w?.ends_at ? toLocal(w.ends_at) : '',
    dow: w?.recurring?.dow ?? [],
    start_hour: String(w?.recurring?.start_hour ?? 22),
    end_hour: String(w?.recurring?.end_hour ?? 2),
    site_ids: w?.site_ids ?? [],
    device_types: (w?.device_types ?? []).join(', '),
  });
  const v = form.values;
  const save = () => {
    const body = {
      name: v.name.trim(),
      starts_at: fromLocal(v.starts_at),
      ends_at: v.ends_at ? fromLocal(v.ends_at) : null,
      recurring:
        v.kind === 'weekly'
          ? { dow: v.dow, start_hour: Number(v.start_hour), end_hour: Number(v.end_hour) }
          : null,
      site_ids: v.site_ids.length > 0 ? v.site_ids : null,
      device_types: listOf(v.device_types),
      enabled: w?.enabled ?? true,
    };
    return w ? alerting.updateWindow(w.window_id, body) : alerting.createWindow(body);
  };
  return (
    <FormDialog
      wide
      title={w ? `Edit ${w.name}` : 'Plan maintenance'}
      description="While it lasts no alert opens and nobody is told. What recovers closes all the same."
      submit={w ? 'Save' : 'Plan it'}
      form={form}
      faults={() => ({
        name: v.name.trim() === '' && 'Give a name.',
        starts_at: v.starts_at === '' && 'Say when it begins.',
        ends_at: v.ends_at !== '' && v.ends_at <= v.starts_at && 'It must end after it begins.',
        dow: v.kind === 'weekly' && v.dow.length === 0 && 'Choose a day.',
        end_hour: v.kind === 'weekly' && v.start_hour === v.end_hour && 'Another hour than the first.',
      })}
      save={save}
      told={w ? 'Saved' : `${v.name.trim()} is created`}
      onSaved={() => void queries.invalidateQueries({ queryKey: ['maintenance-windows'] })}
      onClose={onClose}
    >
      <TextField
        label="Name"
        autoFocus
        {...form.text('name')}
        placeholder="Firmware night"
      />
      <Segmented
        label="How often"
        options={[
          { value: 'once', label: 'Once' },
          { value: 'weekly', label: 'Every week' },
        ]}
        {...form.choice('kind')}
      />
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label={v.kind === 'weekly' ? 'From' : 'Begins'}
          type="datetime-local"
          {...form.text('starts_at')}
          help="In your own time zone."
        />
        <TextField
          label={v.kind === 'weekly' ? 'Until' : 'Ends'}
          optional
          type="datetime-local"
          {...form.text('ends_at')}
          help="Empty: open."
        />
      </div>
      {v.kind === 'weekly' && (
        <>
          <fieldset>
            <legend className="mb-1 font-medium">Days on which it begins</legend>
            <div className="flex flex-wrap gap-x-4 gap-y-1">
              {[1, 2, 3, 4, 5, 6, 0].map((d) => (
                <label key={d} className="flex items-center gap-1.5">
                  <input
                    type="checkbox"
                    checked={v.dow.includes(d)}
                    onChange={() => form.set('dow', toggled(v.dow, d))}
                  />
                  {days[d]}
                </label>
              ))}
            </div>
            <Fault words={form.fault('dow')} />
          </fieldset>
          <div className="grid grid-cols-2 gap-3">
            <SelectField
              label="From hour"
              options={hourOptions(0, 23)}
              {...form.choice('start_hour')}
              help={`In ${zone}, the organization's zone.`}
            />
            <SelectField
              label="To hour"
              options={hourOptions(0, 24)}
              {...form.choice('end_hour')}
              help={Number(v.end_hour) < Number(v.start_hour) ? 'On the next day.' : undefined}
            />
          </div>
        </>
      )}
      {(sites.data?.length ?? 0) > 0 && (
        <fieldset>
          <legend className="mb-1 font-medium">
            Sites <span className="font-normal text-ink-3">(none chosen: all)</span>
          </legend>
          <div className="flex max-h-32 flex-wrap gap-x-4 gap-y-1 overflow-y-auto">
            {sites.data!.map((s) => (
              <label key={s.site_id} className="flex items-center gap-1.5">
                <input
                  type="checkbox"
                  checked={v.site_ids.includes(s.site_id)}
                  onChange={() => form.set('site_ids', toggled(v.site_ids, s.site_id))}
                />
                {s.name}
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <TextField
        label="Device types"
        optional
        {...form.text('device_types')}
        help="Divided by commas; empty: all."
        placeholder="pump, fan"
      />
    </FormDialog>
  );
}
