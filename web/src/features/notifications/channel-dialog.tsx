import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { notifications, type Channel, type ChannelType } from '@/api/notifications';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { channelKinds, choicesOf, configOf, formValues, headersOf, kindOf, type ConfigField } from './channel-types';
import { channelsKey } from './queries';

function Field({
  field: f,
  value,
  fault,
  onChange,
}: {
  field: ConfigField;
  value: string;
  fault: string | undefined;
  onChange: (value: string) => void;
}) {
  const choices = choicesOf(f, value);
  if (choices)
    return (
      <SelectField label={f.label} options={choices} value={value} onChange={onChange} fault={fault} help={f.help} />
    );
  if (f.kind === 'headers')
    return (
      <AreaField
        label={f.label}
        optional={f.optional}
        mono
        rows={2}
        value={value}
        onChange={onChange}
        fault={fault}
        help={f.help}
      />
    );
  const kept = f.kind === 'secret' && value === '***';
  return (
    <TextField
      label={f.label}
      optional={f.optional}
      type={f.kind === 'secret' ? 'password' : 'text'}
      autoComplete={f.kind === 'secret' ? 'new-password' : 'off'}
      inputMode={f.kind === 'number' ? 'numeric' : undefined}
      mono={f.kind === 'secret'}
      value={kept ? '' : value}
      onChange={(e) => onChange(e.target.value)}
      fault={fault}
      placeholder={kept ? '***' : f.placeholder}
      help={kept ? 'Leave it empty to keep what is stored.' : f.help}
    />
  );
}

/** Adds a channel, guided by its type, or edits one. */
export function ChannelDialog({ channel: c, onClose }: { channel: Channel | null; onClose: () => void }) {
  const queries = useQueryClient();
  const [type, setType] = useState<ChannelType>(c?.channel_type ?? 'slack');
  const kind = kindOf(type);
  const form = useForm({ name: c?.name ?? '', max_per_minute: String(c?.max_per_minute ?? 30) });
  const stored = c && c.channel_type === type ? c.config : null;
  const before = formValues(kind, stored ?? {});
  const [values, setValues] = useState<Record<string, string>>(before);
  const [touched, setTouched] = useState(false);
  const [missing, setMissing] = useState<Record<string, string>>({});
  const save = useMutation({
    mutationFn: () => {
      // A secret that nobody typed stays.
      const whole = Object.fromEntries(
        kind.fields.map((f) => [f.at, f.kind === 'secret' ? values[f.at] || before[f.at] || '' : (values[f.at] ?? '')]),
      );
      const body = {
        name: form.values.name.trim() || kind.label,
        channel_type: type,
        config: configOf(kind, whole, stored),
        is_enabled: c?.is_enabled ?? true,
        max_per_minute: Number(form.values.max_per_minute),
      };
      return c ? notifications.updateChannel(c.channel_id, body) : notifications.createChannel(body);
    },
    onSuccess: (saved) => {
      toast.success(c ? 'Saved' : `${saved.name} is added: try it with Test`);
      void queries.invalidateQueries({ queryKey: channelsKey });
      onClose();
    },
    onError: form.setError,
  });
  const most = Number(form.values.max_per_minute);
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty || touched}
      title={c ? `Edit ${c.name}` : 'Add a channel'}
      description={kind.guide}
    >
      <DialogForm
        submit={c ? 'Save' : 'Add channel'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const asked = kind.fields.filter((f) => !f.optional && f.kind !== 'flag' && (!f.when || f.when(values)));
          const empty = asked.filter((f) => !(values[f.at] ?? '').trim() && before[f.at] !== '***');
          const badHeaders = kind.fields.filter((f) => f.kind === 'headers' && headersOf(values[f.at] ?? '') === null);
          setMissing(
            Object.fromEntries([
              ...empty.map((f) => [f.at, 'This is needed.']),
              ...badHeaders.map((f) => [f.at, 'Write “Name: value”, one a line.']),
            ]),
          );
          const good = form.check({
            max_per_minute: !(Number.isInteger(most) && most >= 1 && most <= 1000) && 'A whole number, 1 to 1000.',
          });
          if (good && empty.length + badHeaders.length === 0) save.mutate();
        }}
      >
        {!c && (
          <SelectField
            label="Type"
            options={channelKinds.map((k) => ({ value: k.type, label: k.label }))}
            value={type}
            onChange={(next) => {
              setType(next as ChannelType);
              setValues(formValues(kindOf(next), {}));
              setMissing({});
            }}
          />
        )}
        <TextField
          label="Name"
          optional
          {...form.text('name')}
          placeholder={kind.label}
        />
        {kind.fields
          .filter((f) => !f.when || f.when(values))
          .map((f) => (
            <Field
              key={`${type} ${f.at}`}
              field={f}
              value={values[f.at] ?? ''}
              fault={missing[f.at]}
              onChange={(text) => {
                setValues((old) => ({ ...old, [f.at]: text }));
                setMissing(({ [f.at]: _gone, ...rest }) => rest);
                setTouched(true);
              }}
            />
          ))}
        <TextField
          label="At most so many messages a minute"
          inputMode="numeric"
          {...form.text('max_per_minute')}
          help="More become one summary at the minute’s end."
        />
      </DialogForm>
    </Dialog>
  );
}
