import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { operatorApi } from '@/api/operator';
import { emailFault } from '@/lib/email';
import { slug } from '@/lib/slug';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { NameFields } from '@/ui/name-fields';
import { tenantLink } from '../links';
import { useRefreshOperator, useTiers } from '../queries';
import { TierLimits } from './tier-limits';
import { tenantIdFault } from './tenant-rows';

/** Creates a tenant and invites who runs it. */
export function CreateTenant({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefreshOperator();
  const tiers = useTiers();
  // The tenant stands when only the invitation failed: a second try must not make it again.
  const [made, setMade] = useState<string | null>(null);
  const form = useForm({
    name: '',
    tenant_id: '',
    ownId: false,
    account_tier_id: 'free',
    email: '',
    first_name: '',
    last_name: '',
  });
  const v = form.values;
  const id = v.ownId ? v.tenant_id : slug(v.name);
  const tier = tiers.data?.find((t) => t.tier_id === v.account_tier_id);
  const email = v.email.trim();
  const save = useMutation({
    mutationFn: async () => {
      if (made !== id) {
        await operatorApi.createTenant({
          tenant_id: id,
          name: v.name.trim(),
          account_tier_id: v.account_tier_id,
          contact_email: email || null,
        });
        setMade(id);
        refresh();
      }
      if (email)
        await operatorApi.invite(id, {
          email,
          first_name: v.first_name.trim(),
          last_name: v.last_name.trim(),
        });
    },
    onSuccess: () => {
      toast.success(
        email ? `${v.name.trim()} is created; the invitation is on its way to ${email}` : `${v.name.trim()} is created`,
      );
      refresh();
      void navigate(tenantLink(id));
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty}
      title="Create a tenant"
      description="A company with its own people, devices and data. Nobody of another tenant sees them."
    >
      <DialogForm
        submit={made ? 'Send the invitation' : email ? 'Create and invite' : 'Create tenant'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            tenant_id: tenantIdFault(id),
            email: email !== '' && emailFault(email),
          });
          if (good) save.mutate();
        }}
      >
        {made && (
          <p role="status" className="rounded-m border border-line-strong bg-surface-2 px-3 py-2">
            <strong>{v.name.trim()} is created.</strong> Only the invitation is left
            {form.error ? `: ${asApiError(form.error).message}` : '.'}
          </p>
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Name"
            autoFocus
            disabled={made !== null}
            value={v.name}
            onChange={(e) => form.set('name', e.target.value)}
            fault={form.fault('name')}
            placeholder="Acme Cold Chain"
          />
          <TextField
            label="Tenant id"
            mono
            disabled={made !== null}
            value={id}
            onChange={(e) => {
              form.set('ownId', true);
              form.set('tenant_id', e.target.value.trim());
            }}
            fault={form.fault('tenant_id')}
            help={
              <>
                It can't be changed later. Devices write to{' '}
                <code className="font-mono">tenant/{id || '…'}/device/…</code>
              </>
            }
          />
        </div>
        <SelectField
          label="Tier"
          value={v.account_tier_id}
          onChange={(next) => form.set('account_tier_id', next)}
          options={(tiers.data ?? [{ tier_id: 'free', name: 'Free', is_active: true }])
            .filter((t) => t.is_active)
            .map((t) => ({ value: t.tier_id, label: t.name }))}
          help={tier && <TierLimits tier={tier} />}
          fault={form.fault('account_tier_id')}
        />
        <fieldset className="flex flex-col gap-4 border-t pt-4">
          <legend className="sr-only">First administrator</legend>
          <div>
            <h3 className="font-semibold">First administrator</h3>
            <p className="text-ink-2">
              Gets an email with a link to set a password, then invites everybody else. It can be
              left out and sent later.
            </p>
          </div>
          <TextField
            label="Email"
            optional
            type="email"
            value={v.email}
            onChange={(e) => form.set('email', e.target.value)}
            fault={form.fault('email')}
            placeholder="kay@acme.example"
          />
          <NameFields form={form} optional />
        </fieldset>
      </DialogForm>
    </Dialog>
  );
}
