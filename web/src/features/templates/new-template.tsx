import { useMutation, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import { slug } from '@/lib/slug';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { categories } from './categories';

/** A template of one's own, from nothing. */
export function NewTemplate({
  onClose,
  onCreated,
}: {
  onClose: () => void;
  /** Hears the new one's id. */
  onCreated?: (id: number) => void;
}) {
  const queries = useQueryClient();
  const form = useForm({ name: '', category: 'standalone_sensor', description: '', slug: '' });
  const v = form.values;
  const create = useMutation({
    mutationFn: () =>
      api.createTemplate({
        name: v.name.trim(),
        slug: v.slug || slug(v.name),
        category: v.category,
        description: v.description.trim() || null,
      }),
    onSuccess: (made) => {
      toast.success(`${made.name} is created`);
      void queries.invalidateQueries({ queryKey: ['templates'] });
      void queries.invalidateQueries({ queryKey: ['getting-started'] });
      onClose();
      onCreated?.(made.id);
    },
    onError: form.setError,
  });
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title="New template">
      <DialogForm
        submit="Create template"
        busy={create.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            slug: !/^[a-z0-9][a-z0-9_-]*$/.test(v.slug || slug(v.name)) && 'Small letters, digits, “-” and “_”.',
          });
          if (good) create.mutate();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
          placeholder="Reefer sensor v3"
        />
        <TextField
          label="Short name"
          mono
          value={v.slug || slug(v.name)}
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
      </DialogForm>
    </Dialog>
  );
}
