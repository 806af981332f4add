import { useMutation, useQueryClient, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { people, type Organization, type TierUse } from '@/api/people';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import ActivityPanel from '@/features/audit/activity-panel';
import PermissionNote from '@/features/people/permission-note';
import { peopleKeys, useLimits } from '@/features/people/queries';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { SelectField, TextField } from '@/ui/field';
import { CheckIcon, CloseIcon } from '@/ui/icons';
import { PageHeader, Panel } from '@/ui/page';
import { ActionError, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { UsageRow } from '@/ui/usage';
import { useTitle } from '@/ui/time';
import { patchOf, valuesOf, type TextName } from './organization-form';

const sizes = ['1-10', '11-50', '51-200', '201-1000', 'more than 1000'];
const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((z) => z !== 'UTC')];
const mostLogo = 70_000;

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="border-b p-3 last:border-b-0">
      <legend className="sr-only">{title}</legend>
      <p aria-hidden="true" className="mb-2 text-12 text-ink-2">
        {title}
      </p>
      <div className="grid gap-3 sm:grid-cols-2">{children}</div>
    </fieldset>
  );
}

function Logo({
  value,
  disabled,
  onChange,
}: {
  value: string;
  disabled: boolean;
  onChange: (next: string) => void;
}) {
  const file = useRef<HTMLInputElement>(null);
  const take = (picked: File | undefined) => {
    if (!picked) return;
    if (!/^image\/(png|jpeg|webp)$/.test(picked.type))
      toast.error('A PNG, JPEG or WebP picture, please.');
    else if (picked.size > mostLogo)
      toast.error(`At most ${mostLogo / 1000} kB; this one has ${Math.ceil(picked.size / 1000)} kB.`);
    else {
      const reader = new FileReader();
      reader.onload = () => onChange(String(reader.result));
      reader.readAsDataURL(picked);
    }
  };
  return (
    <div className="flex items-center gap-3 sm:col-span-2">
      <span className="grid size-14 shrink-0 place-items-center overflow-hidden rounded-m border bg-surface-2 text-11 text-ink-3">
        {value ? <img src={value} alt="Logo" className="max-h-full max-w-full" /> : 'no logo'}
      </span>
      <input
        ref={file}
        type="file"
        accept="image/png,image/jpeg,image/webp"
        className="sr-only"
        tabIndex={-1}
        aria-label="Logo file"
        onChange={(e) => take(e.target.files?.[0])}
      />
      <Button disabled={disabled} onClick={() => file.current?.click()}>
        Choose a logo
      </Button>
      {value && (
        <Button kind="quiet" disabled={disabled} onClick={() => onChange('')}>
          Remove
        </Button>
      )}
    </div>
  );
}

function Form({ organization: o }: { organization: Organization }) {
  const queries = useQueryClient();
  const locked = !usePermissions().may(needs.organization);
  const before = valuesOf(o);
  const form = useForm(before);
  const v = form.values;
  const patch = patchOf(before, v);
  const save = useMutation({
    mutationFn: () => people.changeOrganization(patch ?? {}),
    onSuccess: (next) => {
      queries.setQueryData(peopleKeys.organization, next);
      toast.success('Saved');
      setTimeout(() => void queries.invalidateQueries({ queryKey: ['audit-log'] }), 1500);
    },
    onError: form.setError,
  });
  const text = (name: TextName | 'name', label: string, more: object = {}) => (
    <TextField
      label={label}
      disabled={locked}
      value={v[name]}
      onChange={(e) => form.set(name, e.target.value)}
      fault={form.fault(name)}
      {...more}
    />
  );
  const options = (list: string[], value: string) =>
    (value === '' || list.includes(value) ? list : [value, ...list]).map((x) => ({ value: x, label: x.replaceAll('_', ' ') }));
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        const good = form.check({
          name: v.name.trim() === '' && 'Give a name.',
          contact_email: v.contact_email.trim() !== '' && emailFault(v.contact_email.trim()),
          billing_email: v.billing_email.trim() !== '' && emailFault(v.billing_email.trim()),
          country:
            v.country.trim() !== '' &&
            !/^[A-Za-z]{2}$/.test(v.country.trim()) &&
            'Two letters, such as DE.',
        });
        if (good && patch) save.mutate();
      }}
    >
      <fieldset disabled={locked}>
        <Section title="Name">
          <Logo value={v.logo} disabled={locked} onChange={(logo) => form.set('logo', logo)} />
          {text('name', 'Name', { maxLength: 200 })}
          {text('legal_name', 'Legal name', { maxLength: 200, placeholder: 'Demo GmbH' })}
          {text('industry', 'Industry', { maxLength: 100 })}
          <SelectField
            label="People"
            none="Not said"
            options={options(sizes, v.company_size)}
            value={v.company_size}
            onChange={(size) => form.set('company_size', size)}
            fault={form.fault('company_size')}
          />
          <SelectField
            label="Time zone"
            options={options(zones, v.timezone)}
            value={v.timezone}
            onChange={(zone) => form.set('timezone', zone)}
            fault={form.fault('timezone')}
            help="For what concerns the whole organization, such as reports."
          />
        </Section>
        <Section title="Contact">
          {text('contact_name', 'Contact', { maxLength: 200, autoComplete: 'off' })}
          {text('contact_email', 'Email', { type: 'email' })}
          {text('phone', 'Phone', { type: 'tel', maxLength: 50 })}
          {text('billing_email', 'Email for bills', { type: 'email' })}
        </Section>
        <Section title="Address">
          {text('address_line1', 'Street', { maxLength: 200 })}
          {text('address_line2', 'Second line', { maxLength: 200 })}
          {text('postal_code', 'Postal code', { maxLength: 20 })}
          {text('city', 'City', { maxLength: 100 })}
          {text('state_province', 'State or province', { maxLength: 100 })}
          {text('country', 'Country', { maxLength: 2, placeholder: 'DE' })}
        </Section>
      </fieldset>
      <div className="flex flex-col gap-2 p-3">
        <ActionError error={form.error} />
        {locked && <PermissionNote permission={needs.organization} />}
        <div className="flex justify-end gap-2">
          {patch && (
            <Button
              onClick={() => {
                for (const [name, value] of Object.entries(before))
                  form.set(name as keyof typeof before, value);
              }}
            >
              Undo changes
            </Button>
          )}
          <GatedButton
            needs={needs.organization}
            type="submit"
            kind="primary"
            disabled={!patch}
            busy={save.isPending}
          >
            Save
          </GatedButton>
        </div>
      </div>
    </form>
  );
}

const featureWords: Record<string, string> = {
  sso: 'Single sign-on',
  custom_branding: 'Own branding',
  alert_escalation: 'Escalation of alerts',
  audit_log_export: 'Export of the activity log',
  oncall_scheduling: 'On-call schedules',
  bulk_device_import: 'Import of many devices',
  maintenance_windows: 'Maintenance windows',
  carrier_self_service: 'SIM cards by yourselves',
};

function Limits({ use }: { use: TierUse }) {
  const features = Object.entries(use.features).filter(
    (pair): pair is [string, boolean] => typeof pair[1] === 'boolean',
  );
  return (
    <>
      {use.limits.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">Nothing is limited.</p>
      ) : (
        <ul>
          {use.limits.map((l) => (
            <UsageRow key={l.name} name={l.name} label={l.label} used={l.used} limit={l.limit} />
          ))}
        </ul>
      )}
      {features.length > 0 && (
        <ul className="grid gap-x-4 gap-y-1 border-t px-3 py-2.5 sm:grid-cols-2" aria-label="What the tier includes">
          {features.map(([name, on]) => (
            <li key={name} className={`flex items-center gap-2 ${on ? '' : 'text-ink-3'}`}>
              <span className={on ? 'text-online' : undefined}>
                {on ? <CheckIcon size={14} /> : <CloseIcon size={14} />}
              </span>
              {featureWords[name] ?? name.replaceAll('_', ' ')}
              {!on && <span className="sr-only"> is not included</span>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What the organization says of itself, and what its tier allows. */
export default function OrganizationPage() {
  useTitle('Organization');
  const organization = useQuery({ queryKey: peopleKeys.organization, queryFn: people.organization });
  const limits = useLimits();
  const { hash } = useLocation();
  const o = organization.data;
  useEffect(() => {
    if (hash && o && limits.data) document.querySelector(hash)?.scrollIntoView({ block: 'start' });
  }, [hash, o, limits.data]);
  return (
    <>
      <PageHeader
        title="Organization"
        facts={o && <CopyValue text={o.tenant_id} name="organization id" />}
        actions={<CopyCall path={callPath('/organization')} />}
      />
      <div className="flex flex-col gap-4">
        <div id="limits" className="scroll-mt-14">
          <Panel
            title="What the tier allows"
            aside={limits.data?.tier_name && <span>{limits.data.tier_name}</span>}
          >
            {limits.error && !limits.data ? (
              <Failure error={limits.error} what="Limits" retry={() => void limits.refetch()} />
            ) : limits.data ? (
              <Limits use={limits.data} />
            ) : (
              <SkeletonRows rows={6} label="Loading limits" />
            )}
          </Panel>
        </div>
        <Panel title="The organization">
          {organization.error && !o ? (
            <Failure
              error={organization.error}
              what="The organization"
              retry={() => void organization.refetch()}
            />
          ) : o ? (
            <Form key={o.updated_at} organization={o} />
          ) : (
            <div className="p-3">
              <Skeleton className="h-100" />
            </div>
          )}
        </Panel>
        {o && <ActivityPanel filter={{ entity_type: 'organization', entity_id: o.tenant_id }} />}
      </div>
    </>
  );
}
