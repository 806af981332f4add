import { useState } from 'react';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { SiteDialog } from '@/features/sites/site-dialog';
import { useSites } from '@/features/sites/queries';
import { categories } from '@/features/templates/categories';
import { useTemplates } from '@/features/templates/queries';
import { cx } from '@/lib/cx';
import type { useForm } from '@/lib/use-form';
import { SelectField, TextField } from '@/ui/field';
import { Failure, SkeletonRows } from '@/ui/states';
import type { WizardValues } from './wizard-page';

type Form = ReturnType<typeof useForm<WizardValues>>;

export function TemplateStep({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const templates = useTemplates();
  if (templates.error && !templates.data)
    return (
      <Failure error={templates.error} what="Templates" retry={() => void templates.refetch()} />
    );
  if (!templates.data) return <SkeletonRows label="Loading templates" />;
  const choices = [
    { id: '', name: 'No template', words: 'Whatever it measures is found by itself.' },
    ...templates.data
      .filter((t) => t.category !== 'expansion_module')
      .map((t) => ({
        id: String(t.id),
        name: t.name,
        words: t.description ?? categories[t.category] ?? t.category,
      })),
  ];
  return (
    <fieldset>
      <legend className="mb-2 font-medium">What kind of device is it?</legend>
      <div className="grid gap-2 sm:grid-cols-2">
        {choices.map((c) => (
          <label
            key={c.id}
            className={cx(
              'flex cursor-pointer gap-2.5 rounded-m border px-3 py-2',
              c.id === value ? 'border-accent bg-surface-2' : 'border-line-strong hover:bg-surface-2',
            )}
          >
            <input
              type="radio"
              name="template"
              className="mt-1"
              checked={c.id === value}
              onChange={() => onChange(c.id)}
            />
            <span className="min-w-0">
              <span className="block font-medium">{c.name}</span>
              <span className="block text-12 text-ink-2">{c.words}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function IdentityStep({ form }: { form: Form }) {
  const v = form.values;
  return (
    <>
      <TextField
        label="Device id"
        mono
        autoFocus
        value={v.device_id}
        onChange={(e) => form.set('device_id', e.target.value.trim())}
        fault={form.fault('device_id')}
        help="Stands in its MQTT topic; it can't be changed later."
        placeholder="reefer-417"
      />
      <TextField
        label="Name"
        optional
        value={v.name}
        onChange={(e) => form.set('name', e.target.value)}
        fault={form.fault('name')}
        placeholder="Reefer sensor 417"
      />
      <TextField
        label="Serial number"
        optional
        value={v.serial_number}
        onChange={(e) => form.set('serial_number', e.target.value)}
        fault={form.fault('serial_number')}
      />
    </>
  );
}

export function LocationStep({ form }: { form: Form }) {
  const v = form.values;
  const sites = useSites();
  const [making, setMaking] = useState(false);
  return (
    <>
      <SelectField
        label="Site"
        value={v.site_id}
        none="No site"
        onChange={(x) => form.set('site_id', x)}
        fault={form.fault('site_id')}
        options={(sites.data ?? []).map((s) => ({ value: s.site_id, label: s.name }))}
      />
      <div>
        <GatedButton needs={needs.createSite} small onClick={() => setMaking(true)}>
          Create a site
        </GatedButton>
      </div>
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="Latitude"
          optional
          inputMode="decimal"
          value={v.latitude}
          onChange={(e) => form.set('latitude', e.target.value)}
          fault={form.fault('latitude')}
        />
        <TextField
          label="Longitude"
          optional
          inputMode="decimal"
          value={v.longitude}
          onChange={(e) => form.set('longitude', e.target.value)}
          fault={form.fault('longitude')}
        />
      </div>
      {making && <SiteDialog site={null} onClose={() => setMaking(false)} />}
    </>
  );
}
