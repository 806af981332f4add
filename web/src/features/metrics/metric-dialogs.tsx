import { toast } from 'sonner';
import { metricNames, type CatalogMetric, type MetricMapping, type MetricReference } from '@/api/rules';
import { numberOrNull, useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { useNameWrite } from './queries';

type Normalized = MetricReference['normalized_metrics'][number];
const text = (n: number | null | undefined) => (n === null || n === undefined ? '' : String(n));
const notNumber = (s: string) => Number.isNaN(numberOrNull(s)) && 'Give a number, or nothing.';

/** Unit, range and description: what both kinds of metrics have. */
function Facts({ form }: { form: ReturnType<typeof useForm<{ name: string; unit: string; min: string; max: string; description: string }>> }) {
  const v = form.values;
  return (
    <>
      <TextField label="Unit" optional value={v.unit} maxLength={50} onChange={(e) => form.set('unit', e.target.value)} />
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label="Usually at least"
          optional
          inputMode="decimal"
          {...form.text('min')}
        />
        <TextField
          label="Usually at most"
          optional
          inputMode="decimal"
          {...form.text('max')}
        />
      </div>
      <AreaField
        label="Description"
        optional
        rows={2}
        {...form.choice('description')}
      />
    </>
  );
}

const factsOf = (v: { unit: string; min: string; max: string; description: string }) => ({
  description: v.description.trim() || null,
  expected_min: numberOrNull(v.min),
  expected_max: numberOrNull(v.max),
});

/** A normalized metric, new or changed. */
export function NormalizedDialog({ metric, onClose }: { metric: Normalized | null; onClose: () => void }) {
  const form = useForm({
    name: metric?.name ?? '',
    unit: metric?.display_unit ?? '',
    min: text(metric?.expected_min),
    max: text(metric?.expected_max),
    description: metric?.description ?? '',
  });
  const v = form.values;
  const save = useNameWrite(
    () => {
      const body = { display_unit: v.unit.trim() || null, ...factsOf(v) };
      return metric
        ? metricNames.updateNormalized(metric.name, body)
        : metricNames.createNormalized({ normalized_name: v.name.trim(), ...body });
    },
    () => {
      toast.success('Saved');
      onClose();
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={metric ? `Edit ${metric.name}` : 'New normalized metric'}
      description={metric ? undefined : 'One name and one unit for what devices send under many.'}
    >
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={save.error}
        onCancel={onClose}
        onSubmit={() => {
          if (
            form.check({
              name: v.name.trim() === '' && 'Give a name.',
              min: notNumber(v.min),
              max: notNumber(v.max),
            })
          )
            save.mutate(undefined);
        }}
      >
        {!metric && (
          <TextField
            label="Name"
            mono
            {...form.text('name')}
            maxLength={100}
            placeholder="temperature"
          />
        )}
        <Facts form={form} />
      </DialogForm>
    </Dialog>
  );
}

/** A raw metric becomes a normalized one; or the numbers of one that does are changed. */
export function MappingDialog({
  mapping,
  raw,
  to,
  normalized,
  known,
  onClose,
}: {
  /** That is changed; null: a new one. */
  mapping: MetricMapping | null;
  raw: string;
  to: string;
  normalized: readonly Normalized[];
  /** Raw metrics that devices send. */
  known: readonly string[];
  onClose: () => void;
}) {
  const form = useForm({
    raw: mapping?.raw_metric ?? raw,
    to: mapping?.normalized_name ?? (to || (normalized[0]?.name ?? '')),
    multiplier: text(mapping?.multiplier ?? 1),
    offset: text(mapping?.offset_value ?? 0),
  });
  const v = form.values;
  const multiplier = numberOrNull(v.multiplier) ?? 1;
  const offset = numberOrNull(v.offset) ?? 0;
  const save = useNameWrite(
    () => {
      const numbers = { multiplier, offset_value: offset };
      return mapping
        ? metricNames.updateMapping(mapping.raw_metric, numbers)
        : metricNames.map({ raw_metric: v.raw.trim(), normalized_name: v.to, ...numbers });
    },
    () => {
      toast.success(mapping ? 'Saved' : `${v.raw.trim()} is ${v.to} now`);
      onClose();
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={mapping ? `Edit how ${mapping.raw_metric} becomes ${mapping.normalized_name}` : 'Map a metric'}
      description="Rules and charts see the normalized value, from all devices that send the raw one."
    >
      <DialogForm
        submit={mapping ? 'Save' : 'Map'}
        busy={save.isPending}
        error={save.error}
        onCancel={onClose}
        onSubmit={() => {
          if (
            form.check({
              raw: v.raw.trim() === '' && 'Give the name that devices send.',
              to: v.to === '' && 'Make a normalized metric first.',
              multiplier: notNumber(v.multiplier) || (multiplier === 0 && 'Times 0 every value would be the same.'),
              offset: notNumber(v.offset),
            })
          )
            save.mutate(undefined);
        }}
      >
        {!mapping && (
          <>
            <datalist id="raw-metrics">
              {known.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
            <TextField
              label="Raw metric"
              mono
              list="raw-metrics"
              {...form.text('raw')}
            />
            <SelectField
              label="Becomes"
              options={normalized.map((n) => ({ value: n.name, label: n.name }))}
              none={normalized.length === 0 ? 'there is none yet' : undefined}
              {...form.choice('to')}
            />
          </>
        )}
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField
            label="Times"
            inputMode="decimal"
            {...form.text('multiplier')}
          />
          <TextField
            label="Plus"
            inputMode="decimal"
            {...form.text('offset')}
          />
        </div>
        <p className="num text-ink-2" role="status">
          {Number.isNaN(multiplier) || Number.isNaN(offset)
            ? 'Give numbers.'
            : `100 from a device is ${Number((100 * multiplier + offset).toPrecision(6))} for rules.`}
        </p>
      </DialogForm>
    </Dialog>
  );
}

/** What is known of a metric as devices send it. */
export function CatalogDialog({
  metric,
  name,
  onClose,
}: {
  metric: CatalogMetric | null;
  name: string;
  onClose: () => void;
}) {
  const form = useForm({
    name: metric?.metric_name ?? name,
    unit: metric?.unit ?? '',
    min: text(metric?.expected_min),
    max: text(metric?.expected_max),
    description: metric?.description ?? '',
  });
  const v = form.values;
  const save = useNameWrite(
    () => metricNames.describe({ metric_name: v.name.trim(), unit: v.unit.trim() || null, ...factsOf(v) }),
    () => {
      toast.success('Saved');
      onClose();
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={metric ? `Describe ${metric.metric_name}` : 'Describe a metric'}
      description="Its unit and its usual range are shown on the charts of devices."
    >
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={save.error}
        onCancel={onClose}
        onSubmit={() => {
          if (
            form.check({
              name: v.name.trim() === '' && 'Give the name that devices send.',
              min: notNumber(v.min),
              max: notNumber(v.max),
            })
          )
            save.mutate(undefined);
        }}
      >
        {!metric && (
          <TextField
            label="Metric"
            mono
            {...form.text('name')}
            maxLength={100}
          />
        )}
        <Facts form={form} />
      </DialogForm>
    </Dialog>
  );
}
