import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { carriers, type CarrierIntegration } from '@/api/carriers';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Segmented, SelectField, TextField } from '@/ui/field';
import { usePlans, useRefreshSim } from './queries';

/** Says which SIM a device has: one that the account knows, or a new one that is claimed first. */
export function LinkDialog({
  device,
  integrations,
  onClose,
}: {
  device: string;
  integrations: CarrierIntegration[];
  onClose: () => void;
}) {
  const refresh = useRefreshSim(device);
  const form = useForm({
    integration: String(integrations[0]?.id ?? ''),
    how: 'known',
    carrier_device_id: '',
    iccid: '',
    plan_id: '',
  });
  const v = form.values;
  const chosen = integrations.find((i) => String(i.id) === v.integration);
  const claims = chosen?.capabilities.includes('provision') ?? false;
  const claiming = claims && v.how === 'new';
  const plans = usePlans(claiming && chosen ? chosen.id : null);
  const byIccid = chosen?.carrier_name.toLowerCase() === '1nce';
  const save = useMutation({
    mutationFn: () =>
      claiming
        ? carriers.provision(device, chosen!.id, v.iccid.trim(), v.plan_id ? Number(v.plan_id) : null)
        : carriers.link(device, chosen!.id, v.carrier_device_id.trim()),
    onSuccess: () => {
      toast.success(claiming ? 'The SIM is claimed and linked' : 'The SIM is linked');
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  const digits = v.iccid.trim();
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title="Link a SIM">
      <DialogForm
        submit={claiming ? 'Claim and link' : 'Link SIM'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            carrier_device_id: !claiming && v.carrier_device_id.trim() === '' && 'Give its id.',
            iccid: claiming && !/^\w{15,22}$/.test(digits) && 'The 15 to 22 digits on the SIM.',
          });
          if (good) save.mutate();
        }}
      >
        <SelectField
          label="Carrier"
          options={integrations.map((i) => ({ value: String(i.id), label: i.display_name }))}
          value={v.integration}
          onChange={(id) => form.set('integration', id)}
        />
        {claims && (
          <Segmented
            label="Which SIM"
            options={[
              { value: 'known', label: 'One of the account' },
              { value: 'new', label: 'A new one' },
            ]}
            value={v.how}
            onChange={(how) => form.set('how', how)}
          />
        )}
        {claiming ? (
          <>
            <TextField
              label="ICCID"
              mono
              inputMode="numeric"
              value={v.iccid}
              onChange={(e) => form.set('iccid', e.target.value)}
              fault={form.fault('iccid')}
              help="Printed on the SIM. It is claimed for your account; the carrier may charge for it."
            />
            <SelectField
              label="Plan"
              optional
              none={plans.isFetching ? 'Loading plans…' : "The account's usual one"}
              options={(plans.data ?? []).map((p) => ({ value: String(p.id), label: p.name }))}
              value={v.plan_id}
              onChange={(id) => form.set('plan_id', id)}
              fault={plans.error ? 'The carrier did not tell its plans.' : form.fault('plan_id')}
            />
          </>
        ) : (
          <TextField
            label={byIccid ? 'ICCID' : 'Device id at the carrier'}
            mono
            value={v.carrier_device_id}
            onChange={(e) => form.set('carrier_device_id', e.target.value)}
            fault={form.fault('carrier_device_id')}
            help={byIccid ? 'Printed on the SIM.' : "As the carrier's dashboard shows it."}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}
