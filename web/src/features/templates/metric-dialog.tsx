import { templates, type DataType, type MetricInput, type TemplateDetail, type TemplateMetric } from '@/api/templates';
import { numberOrNull, useForm } from '@/lib/use-form';
import { SelectField, TextField } from '@/ui/field';
import { CheckField } from '@/ui/check-field';
import { exampleMetrics, taken, withDraft } from './example';
import { DescriptionField, KeyAndName, PartDialog, usePartSave } from './part-dialog';

const types = [
  { value: 'float', label: 'Number' },
  { value: 'integer', label: 'Whole number' },
  { value: 'boolean', label: 'True or false' },
  { value: 'string', label: 'Text' },
  { value: 'enum', label: 'One of some words' },
];

const keyFault = (key: string) =>
  !/^[a-zA-Z][a-zA-Z0-9_]{0,99}$/.test(key) && 'A letter, then letters, digits and “_”, at most 100.';

/** Adds a metric or changes one; beside it the message as devices send it then. */
export function MetricDialog({
  template,
  metric,
  onClose,
}: {
  template: TemplateDetail;
  metric: TemplateMetric | null;
  onClose: () => void;
}) {
  const form = useForm({
    metric_key: metric?.metric_key ?? '',
    display_name: metric?.display_name ?? '',
    data_type: (metric?.data_type ?? 'float') as string,
    unit: metric?.unit ?? '',
    min_value: metric?.min_value?.toString() ?? '',
    max_value: metric?.max_value?.toString() ?? '',
    precision_digits: String(metric?.precision_digits ?? 2),
    enum_values: (metric?.enum_values ?? []).join(', '),
    is_required: metric?.is_required ?? false,
    description: metric?.description ?? '',
  });
  const v = form.values;
  const numeric = v.data_type === 'float' || v.data_type === 'integer';
  const input: MetricInput = {
    metric_key: v.metric_key,
    display_name: v.display_name.trim(),
    data_type: v.data_type as DataType,
    unit: v.unit.trim() || null,
    min_value: numeric ? numberOrNull(v.min_value) : null,
    max_value: numeric ? numberOrNull(v.max_value) : null,
    precision_digits: Number(v.precision_digits),
    is_required: v.is_required,
    description: v.description.trim() || null,
    enum_values:
      v.data_type === 'enum' ? v.enum_values.split(',').map((w) => w.trim()).filter(Boolean) : null,
    sort_order: metric?.sort_order ?? template.metrics.length,
  };
  const save = usePartSave(
    () => templates.savePart('metrics', template.id, metric?.id ?? null, input),
    { editing: metric !== null, form, onClose },
  );
  const check = () =>
    form.check({
      metric_key: metric ? false : keyFault(v.metric_key),
      display_name: v.display_name.trim() === '' && 'Give a name.',
      min_value: Number.isNaN(input.min_value) && 'A number.',
      max_value: Number.isNaN(input.max_value)
        ? 'A number.'
        : input.min_value !== null &&
          input.max_value !== null &&
          input.max_value < input.min_value &&
          'Not less than the minimum.',
      precision_digits: !/^([0-9]|10)$/.test(v.precision_digits) && '0 to 10.',
      enum_values: v.data_type === 'enum' && input.enum_values?.length === 0 && 'Give at least one word.',
    });
  return (
    <PartDialog
      noun="metric"
      part={metric}
      description="Something that devices of this kind measure."
      form={form}
      save={save}
      check={check}
      onClose={onClose}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <KeyAndName
          editing={metric !== null}
          partKey={{
            value: v.metric_key,
            onChange: (x) => form.set('metric_key', x),
            fault: form.fault('metric_key'),
            placeholder: 'water_temp',
            help: 'As devices send it.',
          }}
          name={{
            value: v.display_name,
            onChange: (x) => form.set('display_name', x),
            fault: form.fault('display_name'),
            placeholder: 'Water temperature',
          }}
        />
        <SelectField
          label="Type"
          options={types}
          value={v.data_type}
          onChange={(x) => form.set('data_type', x)}
          fault={form.fault('data_type')}
        />
        {v.data_type === 'enum' ? (
          <TextField
            label="Words"
            help="Separated by commas."
            value={v.enum_values}
            onChange={(e) => form.set('enum_values', e.target.value)}
            fault={form.fault('enum_values')}
            placeholder="off, heating, fault"
          />
        ) : (
          <TextField
            label="Unit"
            optional
            value={v.unit}
            onChange={(e) => form.set('unit', e.target.value)}
            fault={form.fault('unit')}
            placeholder="°C"
          />
        )}
      </div>
      {numeric && (
        <div className="grid grid-cols-3 gap-3">
          <TextField
            label="Minimum"
            optional
            inputMode="decimal"
            value={v.min_value}
            onChange={(e) => form.set('min_value', e.target.value)}
            fault={form.fault('min_value')}
          />
          <TextField
            label="Maximum"
            optional
            inputMode="decimal"
            value={v.max_value}
            onChange={(e) => form.set('max_value', e.target.value)}
            fault={form.fault('max_value')}
          />
          <TextField
            label="Decimals"
            inputMode="numeric"
            value={v.precision_digits}
            onChange={(e) => form.set('precision_digits', e.target.value)}
            fault={form.fault('precision_digits')}
          />
        </div>
      )}
      <DescriptionField
        value={v.description}
        onChange={(x) => form.set('description', x)}
        fault={form.fault('description')}
      />
      <CheckField
        label="Required"
        help="Every device of this template gets a sensor for it, also those that are there already."
        checked={v.is_required}
        onChange={(on) => form.set('is_required', on)}
      />
      {v.metric_key && (
        <div className="rounded-m bg-surface-2 px-3 py-2" aria-live="polite">
          <p className="text-12 text-ink-2">
            Devices then send <span className="font-mono">{v.metric_key}</span>: {taken(input)}.
          </p>
          <pre className="mt-1 overflow-x-auto font-mono text-12" tabIndex={0} aria-label="Example">
            {JSON.stringify({ metrics: exampleMetrics(withDraft(template.metrics, input)) })}
          </pre>
        </div>
      )}
    </PartDialog>
  );
}
