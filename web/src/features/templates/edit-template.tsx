import { toast } from 'sonner';
import { templates, type TemplateDetail } from '@/api/templates';
import { numberOrNull, useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { categories } from './categories';
import { useTemplateWrite } from './queries';

/** Name, kind and what else stands at the head of a template. */
export function EditTemplate({ template: t, onClose }: { template: TemplateDetail; onClose: () => void }) {
  const form = useForm({
    name: t.name,
    slug: t.slug,
    category: t.category,
    description: t.description ?? '',
    manufacturer: t.manufacturer ?? '',
    model: t.model ?? '',
    heartbeat_stale_seconds: t.heartbeat_stale_seconds?.toString() ?? '',
  });
  const v = form.values;
  const silence = numberOrNull(v.heartbeat_stale_seconds);
  const save = useTemplateWrite(
    () =>
      templates.update(t.id, {
        name: v.name.trim(),
        slug: v.slug,
        category: v.category,
        description: v.description.trim() || null,
        manufacturer: v.manufacturer.trim() || null,
        model: v.model.trim() || null,
        heartbeat_stale_seconds: silence,
      }),
    {
      onSuccess: () => {
        toast.success('Saved');
        onClose();
      },
      onError: form.setError,
    },
  );
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title={`Edit ${t.name}`}>
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            slug: !/^[a-z0-9][a-z0-9_-]*$/.test(v.slug) && 'Small letters, digits, “-” and “_”.',
            heartbeat_stale_seconds:
              silence !== null && !(Number.isInteger(silence) && silence >= 1) && 'A whole number of seconds.',
          });
          if (good) save.mutate(undefined);
        }}
      >
        <TextField
          label="Name"
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
        />
        <TextField
          label="Short name"
          mono
          value={v.slug}
          onChange={(e) => form.set('slug', e.target.value.trim())}
          fault={form.fault('slug')}
        />
        <SelectField
          label="Kind"
          value={v.category}
          onChange={(x) => form.set('category', x)}
          fault={form.fault('category')}
          options={Object.entries(categories).map(([value, label]) => ({ value, label }))}
        />
        <AreaField
          label="Description"
          optional
          value={v.description}
          onChange={(x) => form.set('description', x)}
          fault={form.fault('description')}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Manufacturer"
            optional
            value={v.manufacturer}
            onChange={(e) => form.set('manufacturer', e.target.value)}
            fault={form.fault('manufacturer')}
          />
          <TextField
            label="Model"
            optional
            value={v.model}
            onChange={(e) => form.set('model', e.target.value)}
            fault={form.fault('model')}
          />
        </div>
        <TextField
          label="Stale after seconds of silence"
          optional
          inputMode="numeric"
          help="For devices that have no limit of their own."
          value={v.heartbeat_stale_seconds}
          onChange={(e) => form.set('heartbeat_stale_seconds', e.target.value)}
          fault={form.fault('heartbeat_stale_seconds')}
        />
      </DialogForm>
    </Dialog>
  );
}
