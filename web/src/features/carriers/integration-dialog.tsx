import { useMutation, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { carriers, type CarrierIntegration } from '@/api/carriers';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { carrierTitle, integrationsKey, known } from './queries';

/** Adds an account at a carrier, or edits one. A key that is there stays unless a new one is typed. */
export function IntegrationDialog({
  integration: i,
  taken,
  onClose,
}: {
  integration: CarrierIntegration | null;
  /** Carriers that have an account already. */
  taken: readonly string[];
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const free = known.filter((k) => !taken.includes(k.value));
  const form = useForm({
    carrier_name: i?.carrier_name ?? free[0]?.value ?? '',
    display_name: i?.display_name ?? '',
    api_key: '',
    account_id: i?.account_id ?? '',
    api_base_url: i?.api_base_url ?? '',
    sync: i ? (i.sync_enabled ? 'on' : 'off') : 'on',
    sync_interval_minutes: String(i?.sync_interval_minutes ?? 60),
  });
  const v = form.values;
  const save = useMutation({
    mutationFn: () => {
      const body = {
        display_name: v.display_name.trim() || carrierTitle(v.carrier_name),
        account_id: v.account_id.trim() || null,
        api_base_url: v.api_base_url.trim() || null,
        sync_enabled: v.sync === 'on',
        sync_interval_minutes: Number(v.sync_interval_minutes),
        ...(v.api_key ? { api_key: v.api_key } : {}),
      };
      return i ? carriers.update(i.id, body) : carriers.create({ carrier_name: v.carrier_name, ...body });
    },
    onSuccess: (saved) => {
      toast.success(i ? 'Saved' : `${saved.display_name} is added`);
      void queries.invalidateQueries({ queryKey: integrationsKey });
      onClose();
    },
    onError: form.setError,
  });
  const interval = Number(v.sync_interval_minutes);
  const hologram = v.carrier_name === 'hologram';
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={i ? `Edit ${i.display_name}` : 'Add a carrier'}
      description={i ? undefined : 'Your account at the carrier of your SIMs.'}
    >
      <DialogForm
        submit={i ? 'Save' : 'Add carrier'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            api_key: !i && v.api_key === '' && 'Give the API key.',
            sync_interval_minutes:
              !(Number.isInteger(interval) && interval >= 5 && interval <= 1440) &&
              'Whole minutes, 5 to 1440.',
          });
          if (good) save.mutate();
        }}
      >
        {i ? null : (
          <SelectField
            label="Carrier"
            options={free}
            value={v.carrier_name}
            onChange={(name) => form.set('carrier_name', name)}
            fault={form.fault('carrier_name')}
          />
        )}
        <TextField
          label="Name"
          optional
          value={v.display_name}
          onChange={(e) => form.set('display_name', e.target.value)}
          fault={form.fault('display_name')}
          placeholder={carrierTitle(v.carrier_name)}
        />
        <TextField
          label="API key"
          type="password"
          autoComplete="new-password"
          mono
          value={v.api_key}
          onChange={(e) => form.set('api_key', e.target.value)}
          fault={form.fault('api_key')}
          placeholder={i?.api_key_masked ?? undefined}
          help={
            i?.api_key_masked
              ? 'Leave it empty to keep the key that is there.'
              : 'It is stored encrypted, and never shown again.'
          }
        />
        <TextField
          label={hologram ? 'Organization id' : 'Account id'}
          optional
          mono
          value={v.account_id}
          onChange={(e) => form.set('account_id', e.target.value)}
          fault={form.fault('account_id')}
          help={hologram ? 'With it the usage of all SIMs is read in one call.' : undefined}
        />
        <div className="grid gap-3 sm:grid-cols-2">
          <SelectField
            label="Read usage by itself"
            options={[
              { value: 'on', label: 'Yes' },
              { value: 'off', label: 'No' },
            ]}
            value={v.sync}
            onChange={(sync) => form.set('sync', sync)}
          />
          <TextField
            label="Every how many minutes"
            inputMode="numeric"
            value={v.sync_interval_minutes}
            onChange={(e) => form.set('sync_interval_minutes', e.target.value)}
            fault={form.fault('sync_interval_minutes')}
          />
        </div>
        <TextField
          label="API address"
          optional
          mono
          value={v.api_base_url}
          onChange={(e) => form.set('api_base_url', e.target.value)}
          fault={form.fault('api_base_url')}
          help="Only when it is not the carrier's usual one. Changing it asks for the key again."
        />
      </DialogForm>
    </Dialog>
  );
}
