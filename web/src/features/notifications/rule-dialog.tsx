import { useQueryClient } from '@tanstack/react-query';
import { notifications, type Channel, type RoutingRule } from '@/api/notifications';
import { hourOptions, toggled, wordsOf } from '@/lib/choices';
import { numberOrNull, useForm } from '@/lib/use-form';
import { CheckField } from '@/ui/check-field';
import { Fault, SelectField, TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { rulesKey } from './queries';
import { dayOptions, turns } from './rule-words';

/** Adds a routing rule, or edits one. */
export function RuleDialog({
  rule: r,
  channels,
  onClose,
}: {
  rule: RoutingRule | null;
  channels: readonly Channel[];
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const first = r?.active_hours[0];
  const form = useForm({
    channel_id: String(r?.channel_id ?? channels[0]?.channel_id ?? ''),
    min_severity: r?.min_severity ? String(r.min_severity) : '',
    alert_type: r?.alert_type ?? '',
    site_ids: (r?.site_ids ?? []).join(', '),
    device_prefixes: (r?.device_prefixes ?? []).join(', '),
    device_tag_key: r?.device_tag_key ?? '',
    device_tag_val: r?.device_tag_val ?? '',
    deliver_on: r?.deliver_on ?? ['OPEN'],
    throttle_minutes: String(r?.throttle_minutes ?? 0),
    priority: String(r?.priority ?? 100),
    timed: Boolean(first),
    dow: first?.dow ?? [1, 2, 3, 4, 5],
    start_hour: String(first?.start_hour ?? 8),
    end_hour: String(first?.end_hour ?? 18),
    timezone: r?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  const v = form.values;
  const save = () => {
    const body = {
      channel_id: Number(v.channel_id),
      min_severity: numberOrNull(v.min_severity),
      alert_type: v.alert_type.trim() || null,
      site_ids: wordsOf(v.site_ids),
      device_prefixes: wordsOf(v.device_prefixes),
      device_tag_key: v.device_tag_key.trim() || null,
      device_tag_val: v.device_tag_val.trim() || null,
      deliver_on: v.deliver_on,
      throttle_minutes: Number(v.throttle_minutes),
      priority: Number(v.priority),
      is_enabled: r?.is_enabled ?? true,
      active_hours: v.timed
        ? [
            { dow: v.dow, start_hour: Number(v.start_hour), end_hour: Number(v.end_hour) },
            ...(r?.active_hours.slice(1) ?? []),
          ]
        : [],
      timezone: v.timed ? v.timezone.trim() || null : null,
    };
    return r ? notifications.updateRule(r.rule_id, body) : notifications.createRule(body);
  };
  const whole = (t: string) => Number.isInteger(Number(t)) && t.trim() !== '';
  return (
    <FormDialog
      title={r ? 'Edit the rule' : 'Add a routing rule'}
      submit={r ? 'Save' : 'Add rule'}
      form={form}
      faults={() => ({
        throttle_minutes: !(whole(v.throttle_minutes) && Number(v.throttle_minutes) >= 0) && 'Whole minutes, 0 or more.',
        priority: !whole(v.priority) && 'A whole number.',
        end_hour: v.timed && v.start_hour === v.end_hour && 'Another hour than the first.',
        device_tag_val: v.device_tag_val.trim() !== '' && v.device_tag_key.trim() === '' && 'Give the tag’s key too.',
        deliver_on: v.deliver_on.length === 0 && 'Choose at least one.',
        dow: v.timed && v.dow.length === 0 && 'Choose at least one day.',
      })}
      save={save}
      told={r ? 'Saved' : 'The rule is added'}
      onSaved={() => void queries.invalidateQueries({ queryKey: rulesKey })}
      onClose={onClose}
    >
      <SelectField
        label="Tell the channel"
        options={channels.map((c) => ({ value: String(c.channel_id), label: c.name }))}
        {...form.choice('channel_id')}
      />
      <fieldset>
        <legend className="font-medium">When an alert is</legend>
        <div className="mt-1 grid grid-cols-2 gap-1">
          {turns.map((t) => (
            <CheckField
              key={t.value}
              label={t.label}
              checked={v.deliver_on.includes(t.value)}
              onChange={() => form.set('deliver_on', toggled(v.deliver_on, t.value))}
            />
          ))}
        </div>
        <Fault words={form.fault('deliver_on')} />
      </fieldset>
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField
          label="Severity at least"
          none="Any"
          options={[
            { value: '5', label: '5 critical' },
            { value: '4', label: '4 warning' },
            { value: '3', label: '3 warning' },
            { value: '2', label: '2 info' },
            { value: '1', label: '1 info' },
          ]}
          {...form.choice('min_severity')}
        />
        <TextField label="Type" optional placeholder="THRESHOLD" {...form.text('alert_type')} />
        <TextField label="Sites" optional placeholder="Any" help="Ids, with commas." {...form.text('site_ids')} />
        <TextField label="Devices that begin with" optional placeholder="pump-, valve-" {...form.text('device_prefixes')} />
        <TextField label="Tag" optional placeholder="floor" {...form.text('device_tag_key')} />
        <TextField label="with the value" optional placeholder="3" help="As in the tag floor:3." {...form.text('device_tag_val')} />
        <TextField
          label="Not again for so many minutes"
          inputMode="numeric"
          {...form.text('throttle_minutes')}
          help="For alerts that come and go."
        />
        <TextField
          label="Priority"
          inputMode="numeric"
          {...form.text('priority')}
          help="Of two rules for one channel, the smaller number counts."
        />
      </div>
      <CheckField label="Only at some hours" checked={v.timed} onChange={(on) => form.set('timed', on)} />
      {v.timed && (
        <>
          <div role="group" aria-label="Days" className="flex flex-wrap gap-x-3 gap-y-1">
            {dayOptions.map((d) => (
              <CheckField
                key={d.value}
                label={d.label}
                checked={v.dow.includes(d.value)}
                onChange={() => form.set('dow', toggled(v.dow, d.value).sort())}
              />
            ))}
          </div>
          <Fault words={form.fault('dow')} />
          <div className="grid gap-3 sm:grid-cols-3">
            <SelectField label="From" options={hourOptions(0, 23)} value={v.start_hour} onChange={(h) => form.set('start_hour', h)} />
            <SelectField
              label="To"
              options={hourOptions(0, 24)}
              {...form.choice('end_hour')}
              help="Before the first: over midnight."
            />
            <TextField label="Time zone" {...form.text('timezone')} />
          </div>
        </>
      )}
    </FormDialog>
  );
}
