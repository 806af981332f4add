import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { alerting, type DigestSettings, type Frequency } from '@/api/alerts';
import { callPath } from '@/api/customer';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { emailFault } from '@/lib/email';
import { useForm } from '@/lib/use-form';
import { CopyCall } from '@/ui/copy-call';
import { Segmented, SelectField, TextField } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { ActionError, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';

const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((z) => z !== 'UTC')];
const frequencies = [
  { value: 'daily', label: 'Every day' },
  { value: 'weekly', label: 'On Mondays' },
  { value: 'disabled', label: 'Never' },
];

function DigestForm({ settings }: { settings: DigestSettings }) {
  const queries = useQueryClient();
  const form = useForm({
    frequency: settings.frequency as string,
    email: settings.email,
    timezone: settings.timezone,
  });
  const v = form.values;
  const save = useMutation({
    mutationFn: () =>
      alerting.saveDigest({
        frequency: v.frequency as Frequency,
        email: v.email.trim(),
        timezone: v.timezone,
      }),
    onSuccess: () => {
      toast.success('Saved');
      void queries.invalidateQueries({ queryKey: ['alert-digest'] });
    },
    onError: form.setError,
  });
  const known = zones.includes(v.timezone) ? zones : [v.timezone, ...zones];
  return (
    <form
      noValidate
      className="flex max-w-120 flex-col gap-4 p-3"
      onSubmit={(e) => {
        e.preventDefault();
        const good = form.check({ email: v.email.trim() !== '' && emailFault(v.email.trim()) });
        if (good && !save.isPending) save.mutate();
      }}
    >
      <Segmented
        label="How often"
        options={frequencies}
        value={v.frequency}
        onChange={(f) => form.set('frequency', f)}
        className="self-start"
      />
      <TextField
        label="To"
        type="email"
        optional
        value={v.email}
        onChange={(e) => form.set('email', e.target.value)}
        fault={form.fault('email')}
        help="Empty: your own address."
      />
      <SelectField
        label="At 8:00 in"
        options={known.map((z) => ({ value: z, label: z }))}
        value={v.timezone}
        onChange={(zone) => form.set('timezone', zone)}
        fault={form.fault('timezone')}
      />
      <ActionError error={form.error} />
      <div className="flex items-center justify-between gap-3">
        <span className="text-12 text-ink-3">
          Last sent: <Ago at={settings.last_sent_at} />
        </span>
        <GatedButton needs={needs.alertDigest} type="submit" kind="primary" busy={save.isPending}>
          Save
        </GatedButton>
      </div>
    </form>
  );
}

/** Emails about alerts that are not urgent. */
export default function DigestPage() {
  useTitle('Notifications');
  const settings = useQuery({ queryKey: ['alert-digest', 'settings'], queryFn: alerting.digest });
  return (
    <>
      <PageHeader
        title="Notifications"
        actions={<CopyCall path={callPath('/alert-digest-settings')} />}
      />
      <Panel title="Digest of alerts">
        {settings.error && !settings.data ? (
          <Failure error={settings.error} what="The digest" retry={() => void settings.refetch()} />
        ) : settings.isPending ? (
          <SkeletonRows rows={3} />
        ) : (
          <>
            <p className="px-3 pt-3 text-ink-2">
              One email with what opened and closed, and the worst that is still open.
            </p>
            <DigestForm key={JSON.stringify(settings.data)} settings={settings.data} />
          </>
        )}
      </Panel>
    </>
  );
}
