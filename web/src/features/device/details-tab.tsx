import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { api, type DevicePatch } from '@/api/customer';
import type { Device } from '@/api/types';
import { GatedButton, useWhyNot } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useSites } from '@/features/sites/queries';
import { useTemplates } from '@/features/templates/queries';
import { numberOrNull, useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { Panel } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { PlanDialog } from './plan-dialog';

const texts = [
  ['address', 'Address'],
  ['manufacturer', 'Manufacturer'],
  ['model', 'Model'],
  ['serial_number', 'Serial number'],
  ['mac_address', 'MAC address'],
  ['hw_revision', 'Hardware revision'],
  ['fw_version', 'Firmware'],
] as const;

function initial(d: Device) {
  return {
    name: d.name ?? '',
    site_id: d.site_id ?? '',
    template_id: d.template_id ? String(d.template_id) : d.template ? String(d.template.id) : '',
    tags: (d.tags ?? []).join(', '),
    latitude: d.latitude?.toString() ?? '',
    longitude: d.longitude?.toString() ?? '',
    notes: d.notes ?? '',
    address: d.address ?? '',
    manufacturer: d.manufacturer ?? '',
    model: d.model ?? '',
    serial_number: d.serial_number ?? '',
    mac_address: d.mac_address ?? '',
    hw_revision: d.hw_revision ?? '',
    fw_version: d.fw_version ?? '',
  };
}

type Values = ReturnType<typeof initial>;

/** Only what was changed is sent. */
export function changes(before: Values, after: Values): DevicePatch {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(after) as (keyof Values)[]) {
    if (before[key] === after[key]) continue;
    if (key === 'tags')
      out.tags = [...new Set(after.tags.split(',').map((t) => t.trim()).filter(Boolean))];
    else if (key === 'latitude' || key === 'longitude') out[key] = numberOrNull(after[key]);
    else if (key === 'template_id') out.template_id = after.template_id ? Number(after.template_id) : null;
    else out[key] = after[key].trim() === '' ? null : after[key].trim();
  }
  return out as DevicePatch;
}

const notNumber = (text: string, most: number) => {
  const n = numberOrNull(text);
  if (n === null) return false;
  return Number.isFinite(n) && Math.abs(n) <= most ? false : `A number from -${most} to ${most}.`;
};

function Form({
  device,
  onSaved,
  onDirty,
}: {
  device: Device;
  onSaved: () => void;
  onDirty: (dirty: boolean) => void;
}) {
  const queries = useQueryClient();
  const sites = useSites();
  const templates = useTemplates();
  const [before] = useState(() => initial(device));
  const form = useForm(before);
  const v = form.values;
  const { dirty } = form;
  const locked = useWhyNot(needs.editDevice) !== undefined;
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  const save = useMutation({
    mutationFn: () => api.updateDevice(device.device_id, changes(before, v)),
    onSuccess: () => {
      toast.success('Saved');
      void queries.invalidateQueries({ queryKey: ['device', device.device_id] });
      void queries.invalidateQueries({ queryKey: ['devices'] });
      void queries.invalidateQueries({ queryKey: ['metrics', device.device_id] });
      onSaved();
    },
    onError: form.setError,
  });
  return (
    <form
      noValidate
      className="grid gap-4 p-3 sm:grid-cols-2 sm:p-4"
      onSubmit={(e) => {
        e.preventDefault();
        if (
          form.check({
            latitude: notNumber(v.latitude, 90),
            longitude: notNumber(v.longitude, 180),
          })
        )
          save.mutate();
      }}
    >
      {/* Without the permission they can be read, and copied from. */}
      <fieldset disabled={locked} className="contents">
        <TextField
          label="Name"
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
        />
        <TextField
          label="Tags"
          help="Separated by commas."
          value={v.tags}
          onChange={(e) => form.set('tags', e.target.value)}
          fault={form.fault('tags')}
        />
        <SelectField
          label="Site"
          none="No site"
          value={v.site_id}
          onChange={(x) => form.set('site_id', x)}
          fault={form.fault('site_id')}
          options={(sites.data ?? []).map((s) => ({ value: s.site_id, label: s.name }))}
          help="Messages that name another site are refused."
        />
        <SelectField
          label="Template"
          none="No template"
          value={v.template_id}
          onChange={(x) => form.set('template_id', x)}
          fault={form.fault('template_id')}
          options={(templates.data ?? []).map((t) => ({ value: String(t.id), label: t.name }))}
        />
        {texts.map(([key, label]) => (
          <TextField
            key={key}
            label={label}
            value={v[key]}
            onChange={(e) => form.set(key, e.target.value)}
            fault={form.fault(key)}
          />
        ))}
        <div className="grid grid-cols-2 gap-3">
          <TextField
            label="Latitude"
            inputMode="decimal"
            value={v.latitude}
            onChange={(e) => form.set('latitude', e.target.value)}
            fault={form.fault('latitude')}
          />
          <TextField
            label="Longitude"
            inputMode="decimal"
            value={v.longitude}
            onChange={(e) => form.set('longitude', e.target.value)}
            fault={form.fault('longitude')}
          />
        </div>
        <div className="sm:col-span-2">
          <AreaField
            label="Notes"
            value={v.notes}
            onChange={(x) => form.set('notes', x)}
            fault={form.fault('notes')}
          />
        </div>
      </fieldset>
      <div className="flex flex-col gap-3 sm:col-span-2">
        <ActionError error={form.error} />
        <div className="flex gap-2">
          <GatedButton
            needs={needs.editDevice}
            type="submit"
            kind="primary"
            busy={save.isPending}
            disabled={!form.dirty}
          >
            Save
          </GatedButton>
          {form.dirty && <Button onClick={onSaved}>Discard</Button>}
        </div>
      </div>
    </form>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="flex min-h-7.5 items-center justify-between gap-3 px-3">
      <dt className="text-ink-2">{name}</dt>
      <dd className="num min-w-0 truncate text-right">{children}</dd>
    </div>
  );
}

export default function DetailsTab({
  device,
  onDirty,
}: {
  device: Device;
  onDirty: (dirty: boolean) => void;
}) {
  const [round, setRound] = useState(0);
  const [planning, setPlanning] = useState(false);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <Panel title="Device">
        <Form
          key={round}
          device={device}
          onSaved={() => setRound((n) => n + 1)}
          onDirty={onDirty}
        />
      </Panel>
      <Panel title="Facts">
        <dl className="py-1">
          <Fact name="Id">
            <CopyValue text={device.device_id} name="device id" />
          </Fact>
          <Fact name="Plan">
            <span className="inline-flex items-center gap-2">
              {device.plan_name ?? device.plan_id ?? 'none'}
              <GatedButton needs={needs.changePlan} small kind="quiet" onClick={() => setPlanning(true)}>
                Change plan
              </GatedButton>
            </span>
          </Fact>
          <Fact name="Subscription">{device.subscription_status ?? 'none'}</Fact>
          <Fact name="Sensors">
            {device.sensor_count ?? device.sensors?.length ?? 0}
            {device.sensor_limit ? ` of ${device.sensor_limit}` : ''}
          </Fact>
          {device.imei && <Fact name="IMEI">{device.imei}</Fact>}
          {device.iccid && <Fact name="ICCID">{device.iccid}</Fact>}
        </dl>
      </Panel>
      {planning && <PlanDialog device={device} onClose={() => setPlanning(false)} />}
    </div>
  );
}
