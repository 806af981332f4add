import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { provisioning, type NewProvisioningKey } from '@/api/imports';
import { useSites } from '@/features/sites/queries';
import { useTemplates } from '@/features/templates/queries';
import { numberOrNull, useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { CodeBlock } from '@/ui/copy';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';

const most = 1_000_000;

/** Makes a key, and shows it this once. */
export function NewKey({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const sites = useSites();
  const templates = useTemplates();
  const form = useForm({ name: '', site_id: '', template_id: '', max_devices: '100', expires_at: '' });
  const v = form.values;
  const [made, setMade] = useState<NewProvisioningKey | null>(null);
  const create = useMutation({
    mutationFn: () =>
      provisioning.create({
        name: v.name.trim(),
        site_id: v.site_id,
        template_id: v.template_id ? Number(v.template_id) : null,
        max_devices: Number(v.max_devices),
        // The whole of the last day, where the person is.
        expires_at: v.expires_at ? new Date(`${v.expires_at}T23:59:59`).toISOString() : null,
      }),
    onSuccess: (key) => {
      setMade(key);
      void queries.invalidateQueries({ queryKey: ['provisioning-keys'] });
    },
    onError: form.setError,
  });
  if (made)
    return (
      <Dialog open onClose={onClose} dirty title={`${made.name} is created`}>
        <div className="flex flex-col gap-4">
          <p className="rounded-m bg-warning-soft px-3 py-2 text-warning">
            <span aria-hidden="true">▲ </span>
            The key is shown this once. Whoever has it can register devices until it ends.
          </p>
          <CodeBlock label="Provisioning key" text={made.key} />
          <div className="flex justify-end">
            <Button onClick={onClose}>Close</Button>
          </div>
        </div>
      </Dialog>
    );
  const number = numberOrNull(v.max_devices);
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="Create a provisioning key"
      description="For devices that register themselves."
    >
      <DialogForm
        submit="Create key"
        busy={create.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            site_id: v.site_id === '' && 'Choose a site.',
            max_devices:
              !(number !== null && Number.isInteger(number) && number >= 1 && number <= most) &&
              `A whole number from 1 to ${most}.`,
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
          placeholder="Batch 7"
        />
        <SelectField
          label="Site"
          value={v.site_id}
          none="Choose a site"
          onChange={(x) => form.set('site_id', x)}
          fault={form.fault('site_id')}
          options={(sites.data ?? []).map((s) => ({ value: s.site_id, label: s.name }))}
        />
        <SelectField
          label="Template"
          value={v.template_id}
          none="No template"
          onChange={(x) => form.set('template_id', x)}
          fault={form.fault('template_id')}
          options={(templates.data ?? []).map((t) => ({ value: String(t.id), label: t.name }))}
        />
        <div className="grid grid-cols-2 gap-3">
          <TextField
            label="Devices at most"
            inputMode="numeric"
            value={v.max_devices}
            onChange={(e) => form.set('max_devices', e.target.value)}
            fault={form.fault('max_devices')}
          />
          <TextField
            label="Last day"
            optional
            type="date"
            value={v.expires_at}
            onChange={(e) => form.set('expires_at', e.target.value)}
            fault={form.fault('expires_at')}
          />
        </div>
      </DialogForm>
    </Dialog>
  );
}
