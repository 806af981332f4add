import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/customer';
import { CredentialsBox, keepCredentials } from '@/features/connect/credentials';
import { useSites } from '@/features/sites/queries';
import { useTemplates } from '@/features/templates/queries';
import { idFault, useForm } from '@/lib/use-form';
import type { Credentials } from '@/api/types';
import { Button, ButtonLink } from '@/ui/button';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { ActionError } from '@/ui/states';
import { deviceLink } from './readings';
import { useRefreshFleet } from './queries';

interface Made {
  id: string;
  credentials: Credentials | null;
  credentialsError: unknown;
}

/** Creates a device and shows its credentials. */
export default function NewDevice({
  open,
  onClose,
  site = '',
}: {
  open: boolean;
  onClose: () => void;
  site?: string;
}) {
  const sites = useSites();
  const templates = useTemplates();
  const refresh = useRefreshFleet();
  const form = useForm({ device_id: '', name: '', site_id: site, template_id: '' });
  const v = form.values;
  const [made, setMade] = useState<Made | null>(null);

  const create = useMutation({
    mutationFn: async (): Promise<Made> => {
      await api.createDevice({
        device_id: v.device_id,
        name: v.name.trim() || null,
        site_id: v.site_id || null,
        template_id: v.template_id ? Number(v.template_id) : null,
      });
      // The device exists from here on: what fails below must not read as "not created".
      try {
        const credentials = await api.rotateToken(v.device_id, 'first', 0);
        keepCredentials(v.device_id, credentials);
        return { id: v.device_id, credentials, credentialsError: null };
      } catch (error) {
        return { id: v.device_id, credentials: null, credentialsError: error };
      }
    },
    onSuccess: (result) => {
      setMade(result);
      refresh();
    },
    onError: form.setError,
  });

  if (made)
    return (
      <Dialog open={open} onClose={onClose} dirty title={`${made.id} is created`}>
        <div className="flex flex-col gap-4">
          {made.credentials ? (
            <CredentialsBox credentials={made.credentials} />
          ) : (
            <>
              <p>The device exists, but its credentials could not be made.</p>
              <ActionError error={made.credentialsError} />
            </>
          )}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>Close</Button>
            <ButtonLink kind="primary" to={`${deviceLink(made.id)}?tab=connect`}>
              Connect it
            </ButtonLink>
          </div>
        </div>
      </Dialog>
    );

  return (
    <Dialog
      open={open}
      onClose={onClose}
      dirty={form.dirty}
      title="Add a device"
      description="It gets its own credentials, shown once after this."
    >
      <DialogForm
        submit="Add device"
        busy={create.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ device_id: idFault(v.device_id) })) create.mutate();
        }}
      >
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
        <SelectField
          label="Site"
          value={v.site_id}
          none="No site"
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
          help="Says what it measures. Other metrics are found by themselves."
          options={(templates.data ?? []).map((t) => ({
            value: String(t.id),
            label: t.source === 'system' ? `${t.name} (system)` : t.name,
          }))}
        />
      </DialogForm>
    </Dialog>
  );
}
