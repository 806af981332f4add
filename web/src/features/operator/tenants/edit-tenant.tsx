import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { operatorApi, type Tenant, type TenantFields } from '@/api/operator';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { useRefreshOperator, useTiers } from '../queries';

type TextName = Exclude<keyof TenantFields, 'account_tier_id' | 'sla_level'>;

/** The fields in their groups, as they stand in the form. */
export const groups: [string, [TextName, string][]][] = [
  [
    'Company',
    [
      ['legal_name', 'Legal name'],
      ['industry', 'Industry'],
      ['company_size', 'Company size'],
      ['data_residency_region', 'Data region'],
    ],
  ],
  [
    'Contact',
    [
      ['contact_name', 'Contact'],
      ['contact_email', 'Contact email'],
      ['phone', 'Phone'],
    ],
  ],
  [
    'Address',
    [
      ['address_line1', 'Address'],
      ['address_line2', 'Address, second line'],
      ['postal_code', 'Postal code'],
      ['city', 'City'],
      ['state_province', 'State or province'],
      ['country', 'Country code'],
    ],
  ],
  [
    'Contract',
    [
      ['billing_email', 'Billing email'],
      ['support_tier', 'Support tier'],
      ['stripe_customer_id', 'Stripe customer'],
    ],
  ],
];
const names = groups.flatMap(([, fields]) => fields.map(([name]) => name));

/** What differs between a tenant and the form; an empty field clears. */
export function changesOf(
  tenant: Tenant,
  values: Record<TextName | 'name' | 'account_tier_id', string>,
): Partial<TenantFields> & { name?: string } {
  const out: Partial<TenantFields> & { name?: string } = {};
  if (values.name.trim() !== tenant.name) out.name = values.name.trim();
  for (const key of [...names, 'account_tier_id'] as const)
    if (values[key].trim() !== (tenant[key] ?? '')) out[key] = values[key].trim() || null;
  return out;
}

/** Changes what is known of a tenant, and its tier. */
export function EditTenant({ tenant, onClose }: { tenant: Tenant; onClose: () => void }) {
  const refresh = useRefreshOperator();
  const tiers = useTiers();
  const form = useForm({
    name: tenant.name,
    account_tier_id: tenant.account_tier_id ?? '',
    ...(Object.fromEntries(names.map((name) => [name, tenant[name] ?? ''])) as Record<
      TextName,
      string
    >),
  });
  const v = form.values;
  const save = useMutation({
    mutationFn: async () => {
      const changes = changesOf(tenant, v);
      if (Object.keys(changes).length > 0) await operatorApi.updateTenant(tenant.tenant_id, changes);
    },
    onSuccess: () => {
      toast.success('Saved');
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  const emails = ['contact_email', 'billing_email'] as const;
  return (
    <Dialog open wide onClose={onClose} dirty={form.dirty} title={`Edit ${tenant.name}`}>
      <DialogForm
        submit="Save"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            country:
              v.country.trim() !== '' &&
              !/^[A-Za-z]{2}$/.test(v.country.trim()) &&
              'Two letters, such as DE.',
            ...Object.fromEntries(
              emails.map((name) => [name, v[name].trim() !== '' && emailFault(v[name].trim())]),
            ),
          });
          if (good) save.mutate();
        }}
      >
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Name"
            value={v.name}
            onChange={(e) => form.set('name', e.target.value)}
            fault={form.fault('name')}
          />
          <SelectField
            label="Tier"
            value={v.account_tier_id}
            onChange={(next) => form.set('account_tier_id', next)}
            options={(tiers.data ?? [])
              .filter((t) => t.is_active || t.tier_id === tenant.account_tier_id)
              .map((t) => ({ value: t.tier_id, label: t.name }))}
            {...(tenant.account_tier_id ? {} : { none: 'None' })}
            fault={form.fault('account_tier_id')}
          />
        </div>
        {groups.map(([title, fields]) => (
          <fieldset key={title} className="border-t pt-3">
            <legend className="sr-only">{title}</legend>
            <h3 className="mb-2 font-semibold">{title}</h3>
            <div className="grid gap-4 sm:grid-cols-2">
              {fields.map(([name, label]) => (
                <TextField
                  key={name}
                  label={label}
                  value={v[name]}
                  onChange={(e) => form.set(name, e.target.value as never)}
                  fault={form.fault(name)}
                />
              ))}
            </div>
          </fieldset>
        ))}
      </DialogForm>
    </Dialog>
  );
}
