import { asApiError } from '@/api/errors';
import { oncall, type Policy, type Schedule } from '@/api/oncall';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { CheckField } from '@/ui/check-field';
import { SelectField, TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { useRefreshPolicies } from './queries';
import { bodyOf, emptyLevel, faultsOf, formOf, mostLevels, type LevelForm } from './policy-form';

const repeats = Array.from({ length: 11 }, (_, i) => ({
  value: String(i),
  label: i === 0 ? 'Stop after the last level' : i === 1 ? 'Once more from the first' : `${i} times more from the first`,
}));

function LevelFields({
  level: l,
  number,
  schedules,
  fault,
  onChange,
  onRemove,
}: {
  level: LevelForm;
  number: number;
  schedules: Schedule[];
  fault: (name: string) => string | undefined;
  onChange: (next: Partial<LevelForm>) => void;
  onRemove: () => void;
}) {
  return (
    <fieldset className="flex flex-col gap-3 rounded-m border p-3">
      <legend className="px-1 font-medium">Level {number}</legend>
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="After minutes"
          inputMode="numeric"
          value={l.delay}
          onChange={(e) => onChange({ delay: e.target.value })}
          fault={fault('delay_minutes')}
          help={number === 1 ? 'After the alert was opened.' : 'After the level before it.'}
        />
        <SelectField
          label="Person on call in"
          optional
          none="No schedule"
          value={l.schedule}
          onChange={(schedule) => onChange({ schedule })}
          fault={fault('oncall_schedule_id')}
          options={schedules.map((s) => ({ value: String(s.schedule_id), label: s.name }))}
        />
        <TextField
          label="Email"
          optional
          inputMode="email"
          value={l.email}
          onChange={(e) => onChange({ email: e.target.value })}
          fault={fault('notify_email')}
        />
        <TextField
          label="Webhook"
          optional
          mono
          value={l.webhook}
          onChange={(e) => onChange({ webhook: e.target.value })}
          fault={fault('notify_webhook')}
          placeholder="https://"
        />
      </div>
      <Button small kind="danger" className="self-end" onClick={onRemove} aria-label={`Remove level ${number}`}>
        Remove
      </Button>
    </fieldset>
  );
}

/** Creates a policy, or edits one. */
export function PolicyDialog({
  policy,
  schedules,
  onClose,
}: {
  policy: Policy | null;
  schedules: Schedule[];
  onClose: () => void;
}) {
  const refresh = useRefreshPolicies();
  const form = useForm(formOf(policy));
  const v = form.values;
  const save = () => {
    const body = bodyOf(v);
    return policy ? oncall.replacePolicy(policy.policy_id, body) : oncall.createPolicy(body);
  };
  const told = form.error ? asApiError(form.error).fields : {};
  return (
    <FormDialog
      wide
      title={policy ? `Edit ${policy.name}` : 'New escalation policy'}
      description="Who is told next while nobody acknowledges an alert. Each level raises its severity by one."
      submit={policy ? 'Save' : 'Create policy'}
      form={form}
      faults={() => faultsOf(v)}
      save={save}
      told={(saved) => (policy ? 'Saved' : `${saved.name} is created`)}
      onSaved={refresh}
      onClose={onClose}
    >
      <TextField
        label="Name"
        autoFocus
        {...form.text('name')}
        placeholder="Operations"
      />
      <TextField
        label="Description"
        optional
        {...form.text('description')}
      />
      {v.levels.map((level, i) => (
        <LevelFields
          key={i}
          level={level}
          number={i + 1}
          schedules={schedules}
          fault={(name) => form.fault(`levels.${i}.${name}` as 'levels') ?? told[`levels.${i}.${name}`]}
          onChange={(next) => form.set('levels', v.levels.map((l, at) => (at === i ? { ...l, ...next } : l)))}
          onRemove={() => form.set('levels', v.levels.filter((_, at) => at !== i))}
        />
      ))}
      {v.levels.length < mostLevels && (
        <Button className="self-start" onClick={() => form.set('levels', [...v.levels, emptyLevel()])}>
          Add level
        </Button>
      )}
      <SelectField
        label="After the last level"
        {...form.choice('repeats')}
        options={repeats}
      />
      <CheckField
        label="Default policy"
        help="Of all alerts whose rule names no policy."
        checked={v.is_default}
        onChange={(on) => form.set('is_default', on)}
      />
    </FormDialog>
  );
}
