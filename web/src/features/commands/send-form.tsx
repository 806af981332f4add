// Sends a command: one that the template defines, by a form made of its schema, or any other.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { control, type CommandDefinition } from '@/api/control';
import { asApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { parseDocument } from '@/features/twin/diff';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { Panel } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { fieldsOf, readFields, type ParamField } from './params';
import { commandsKey } from './queries';

const other = '';
const lives = [
  { value: '10', label: '10 minutes' },
  { value: '60', label: '1 hour' },
  { value: '1440', label: '1 day' },
  { value: '10080', label: '7 days' },
];

function Param({
  field,
  value,
  fault,
  onChange,
}: {
  field: ParamField;
  value: string;
  fault: string | undefined;
  onChange: (value: string) => void;
}) {
  const frame = {
    label: field.label,
    optional: !field.required,
    help: field.help || undefined,
    fault,
  };
  if (field.kind === 'boolean' || field.kind === 'choice')
    return (
      <SelectField
        {...frame}
        none={field.required ? 'Choose' : 'leave out'}
        options={(field.kind === 'boolean' ? ['true', 'false'] : field.choices).map((c) => ({
          value: c,
          label: c.replace(/^"(.*)"$/, '$1'),
        }))}
        value={value}
        onChange={onChange}
      />
    );
  if (field.kind === 'json')
    return <AreaField {...frame} mono value={value} onChange={onChange} />;
  return (
    <TextField
      {...frame}
      inputMode={field.kind === 'text' ? undefined : 'decimal'}
      value={value}
      onChange={(e) => onChange(e.target.value)}
    />
  );
}

export function SendForm({
  device,
  definitions,
}: {
  device: string;
  definitions: CommandDefinition[];
}) {
  const queries = useQueryClient();
  const [key, setKey] = useState(definitions[0]?.command_key ?? other);
  const [type, setType] = useState('');
  const [values, setValues] = useState<Record<string, string>>({});
  const [json, setJson] = useState('{}');
  const [life, setLife] = useState('60');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const definition = definitions.find((d) => d.command_key === key);
  const fields = fieldsOf(definition?.parameters_schema ?? null);
  // A form where the schema makes one; JSON where it says nothing of members.
  const asForm = definition !== undefined && (fields.length > 0 || definition.parameters_schema !== null);
  const send = useMutation({
    mutationFn: (input: Parameters<typeof control.send>[1]) => control.send(device, input),
    onSuccess: (sent, input) => {
      toast.success(
        sent.mqtt_published
          ? `“${input.command_type}” is on its way`
          : `“${input.command_type}” is queued and leaves as soon as it can`,
      );
      setValues({});
      void queries.invalidateQueries({ queryKey: commandsKey(device) });
    },
  });
  const refused = send.error ? asApiError(send.error).fields : {};
  const faultOf = (name: string) => faults[name] ?? refused[`command_params.${name}`];
  const change = (f: () => void) => {
    f();
    setFaults({});
    if (send.error) send.reset();
  };
  const submit = () => {
    const command_type = definition?.command_key ?? type.trim();
    const read = readFields(fields, values);
    const typed = parseDocument(json.trim() === '' ? '{}' : json);
    const found: Record<string, string> = asForm ? { ...read.faults } : {};
    if (command_type === '') found['type:'] = 'Give the command’s name.';
    if (!asForm && 'fault' in typed) found['json:'] = typed.fault;
    setFaults(found);
    if (Object.keys(found).length > 0) return;
    send.mutate({
      command_type,
      command_params: asForm || 'fault' in typed ? read.params : typed.document,
      expires_in_minutes: Number(life),
    });
  };
  return (
    <Panel title="Send a command">
      <form
        className="flex flex-col gap-3 px-3 py-3"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!send.isPending) submit();
        }}
      >
        {definitions.length > 0 && (
          <SelectField
            label="Command"
            value={key}
            onChange={(next) =>
              change(() => {
                setKey(next);
                setValues({});
              })
            }
            options={[
              ...definitions.map((d) => ({ value: d.command_key, label: d.display_name })),
              { value: other, label: 'Another command …' },
            ]}
            help={definition?.description ?? undefined}
          />
        )}
        {!definition && (
          <TextField
            label="Name"
            mono
            value={type}
            maxLength={100}
            onChange={(e) => change(() => setType(e.target.value))}
            fault={faults['type:'] ?? refused.command_type}
            help="As the device knows it, e.g. reboot."
          />
        )}
        {asForm ? (
          fields.map((f) => (
            <Param
              key={`${key}:${f.name}`}
              field={f}
              value={values[f.name] ?? ''}
              fault={faultOf(f.name)}
              onChange={(v) => change(() => setValues((old) => ({ ...old, [f.name]: v })))}
            />
          ))
        ) : (
          <AreaField
            label="Parameters"
            mono
            value={json}
            onChange={(v) => change(() => setJson(v))}
            fault={faults['json:'] ?? refused.command_params}
            help="A JSON object; {} for none."
          />
        )}
        <SelectField
          label="Expires after"
          value={life}
          onChange={setLife}
          options={lives}
          help="Until then it waits for the device, and is sent again until acknowledged."
        />
        <ActionError error={send.error} />
        <div className="flex justify-end">
          <GatedButton needs={needs.sendCommand} type="submit" kind="primary" busy={send.isPending}>
            Send
          </GatedButton>
        </div>
      </form>
    </Panel>
  );
}
