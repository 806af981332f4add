import { templates, type TemplateCommand, type TemplateDetail } from '@/api/templates';
import { useForm } from '@/lib/use-form';
import { AreaField } from '@/ui/field';
import { DescriptionField, KeyAndName, PartDialog, usePartSave } from './part-dialog';

type Schema = Record<string, unknown> | null;

/** A JSON object from text: null when empty, a fault in words when it is none. */
export function schemaOf(text: string): { schema: Schema; fault: string | false } {
  if (text.trim() === '') return { schema: null, fault: false };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { schema: value as Schema, fault: false };
    return { schema: null, fault: 'A JSON object, such as {"type": "object"}.' };
  } catch (error) {
    return { schema: null, fault: `Not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const shown = (schema: Schema | undefined) => (schema ? JSON.stringify(schema, null, 2) : '');

export function CommandDialog({
  template,
  command,
  onClose,
}: {
  template: TemplateDetail;
  command: TemplateCommand | null;
  onClose: () => void;
}) {
  const form = useForm({
    command_key: command?.command_key ?? '',
    display_name: command?.display_name ?? '',
    description: command?.description ?? '',
    parameters_schema: shown(command?.parameters_schema),
    response_schema: shown(command?.response_schema),
  });
  const v = form.values;
  const parameters = schemaOf(v.parameters_schema);
  const response = schemaOf(v.response_schema);
  const save = usePartSave(
    () =>
      templates.savePart('commands', template.id, command?.id ?? null, {
        command_key: v.command_key,
        display_name: v.display_name.trim(),
        description: v.description.trim() || null,
        parameters_schema: parameters.schema,
        response_schema: response.schema,
        sort_order: command?.sort_order ?? template.commands.length,
      }),
    { editing: command !== null, form, onClose },
  );
  const check = () =>
    form.check({
      command_key:
        !command &&
        !/^[a-zA-Z][a-zA-Z0-9_]{0,99}$/.test(v.command_key) &&
        'A letter, then letters, digits and “_”, at most 100.',
      display_name: v.display_name.trim() === '' && 'Give a name.',
      parameters_schema: parameters.fault,
      response_schema: response.fault,
    });
  return (
    <PartDialog
      noun="command"
      part={command}
      description="Something that devices of this kind understand."
      form={form}
      save={save}
      check={check}
      onClose={onClose}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <KeyAndName
          editing={command !== null}
          partKey={{
            value: v.command_key,
            onChange: (x) => form.set('command_key', x),
            fault: form.fault('command_key'),
            placeholder: 'set_interval',
          }}
          name={{
            value: v.display_name,
            onChange: (x) => form.set('display_name', x),
            fault: form.fault('display_name'),
            placeholder: 'Set the interval',
          }}
        />
      </div>
      <DescriptionField
        value={v.description}
        onChange={(x) => form.set('description', x)}
        fault={form.fault('description')}
      />
      <AreaField
        label="Parameters"
        optional
        help="A JSON schema. A command whose parameters do not fit is refused before it is sent."
        value={v.parameters_schema}
        onChange={(x) => form.set('parameters_schema', x)}
        fault={form.fault('parameters_schema')}
      />
      <AreaField
        label="Answer"
        optional
        help="A JSON schema of what the device answers."
        value={v.response_schema}
        onChange={(x) => form.set('response_schema', x)}
        fault={form.fault('response_schema')}
      />
    </PartDialog>
  );
}
