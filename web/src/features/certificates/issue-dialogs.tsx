// Ways to a certificate: with a new key, for a request, from a file; each ends with what was issued.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { certificatesApi, type IssuedFiles, type KeyType } from '@/api/certificates';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { Issued } from './issued-files';
import { PemField, pemFault } from './pem-field';
import { useRefreshCertificates } from './queries';

export type Way = 'generate' | 'rotate' | 'csr' | 'upload';

const keyTypes = [
  { value: 'ec-p256', label: 'EC P-256: small and quick' },
  { value: 'rsa-2048', label: 'RSA 2048: for old software' },
];
const overlaps = [
  { value: '1', label: 'work for one more hour' },
  { value: '24', label: 'work for one more day' },
  { value: '168', label: 'work for one more week' },
  { value: '720', label: 'work for 30 more days' },
];
const atOnce = { value: '', label: 'end at once' };
const stay = { value: '', label: 'stay as they are' };
const hoursOf = (overlap: string) => (overlap === '' ? null : Number(overlap));

const daysFault = (text: string): string | false => {
  const days = Number(text);
  return !(Number.isInteger(days) && days >= 1 && days <= 3650) && 'A whole number from 1 to 3650.';
};

/** A certificate with a key that Pulse makes; `replace`: the active ones end. */
function NewKey({ device, replace, onClose }: { device: string; replace: boolean; onClose: () => void }) {
  const refresh = useRefreshCertificates();
  const form = useForm({ days: '365', key: 'ec-p256', overlap: '24' });
  const [files, setFiles] = useState<IssuedFiles | null>(null);
  const v = form.values;
  const issue = useMutation({
    mutationFn: () =>
      replace
        ? certificatesApi.rotate(device, Number(v.days), v.key as KeyType, hoursOf(v.overlap))
        : certificatesApi.generate(device, Number(v.days), v.key as KeyType),
    onSuccess: (issued) => {
      setFiles(issued);
      refresh();
    },
    onError: form.setError,
  });
  if (files)
    return (
      <Dialog open wide dirty onClose={onClose} title={`The new certificate of ${device}`}>
        <Issued device={device} files={files} onClose={onClose} />
      </Dialog>
    );
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={replace ? `Rotate the certificates of ${device}` : `Issue a certificate for ${device}`}
      description={
        replace
          ? 'A new certificate and key. Put them on the device while the earlier ones still work.'
          : 'Pulse makes a key and a certificate by its own CA; the key is shown once.'
      }
    >
      <DialogForm
        submit={replace ? 'Rotate' : 'Issue certificate'}
        busy={issue.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ days: daysFault(v.days) })) issue.mutate();
        }}
      >
        <SelectField label="Key" options={keyTypes} value={v.key} onChange={(x) => form.set('key', x)} />
        <TextField
          label="Valid for (days)"
          inputMode="numeric"
          value={v.days}
          onChange={(e) => form.set('days', e.target.value)}
          fault={form.fault('days')}
        />
        {replace && (
          <SelectField
            label="Earlier certificates"
            options={[...overlaps, atOnce]}
            value={v.overlap}
            onChange={(x) => form.set('overlap', x)}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}

function Sign({ device, onClose }: { device: string; onClose: () => void }) {
  const refresh = useRefreshCertificates();
  const form = useForm({ days: '365', csr_pem: '', overlap: '' });
  const [files, setFiles] = useState<IssuedFiles | null>(null);
  const v = form.values;
  const sign = useMutation({
    mutationFn: () => certificatesApi.sign(device, v.csr_pem.trim(), Number(v.days), hoursOf(v.overlap)),
    onSuccess: (issued) => {
      setFiles(issued);
      refresh();
    },
    onError: form.setError,
  });
  if (files)
    return (
      <Dialog open wide onClose={onClose} title={`The new certificate of ${device}`}>
        <Issued device={device} files={files} onClose={onClose} />
      </Dialog>
    );
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty}
      title={`Sign a request of ${device}`}
      description="The key is made on the device and never leaves it. Of the request only its public key counts; the name is set by Pulse."
    >
      <DialogForm
        submit="Sign"
        busy={sign.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const faults = { csr_pem: pemFault(v.csr_pem, 'CERTIFICATE REQUEST'), days: daysFault(v.days) };
          if (form.check(faults)) sign.mutate();
        }}
      >
        <PemField
          label="Certificate request (PEM)"
          help="openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout device.key -subj /CN=device -out device.csr"
          value={v.csr_pem}
          onChange={(x) => form.set('csr_pem', x)}
          fault={form.fault('csr_pem')}
        />
        <TextField
          label="Valid for (days)"
          inputMode="numeric"
          value={v.days}
          onChange={(e) => form.set('days', e.target.value)}
          fault={form.fault('days')}
        />
        <SelectField
          label="Earlier certificates"
          options={[stay, ...overlaps]}
          value={v.overlap}
          onChange={(x) => form.set('overlap', x)}
        />
      </DialogForm>
    </Dialog>
  );
}

function Upload({ device, tenant, onClose }: { device: string; tenant: string; onClose: () => void }) {
  const refresh = useRefreshCertificates();
  const form = useForm({ cert_pem: '' });
  const upload = useMutation({
    mutationFn: () => certificatesApi.upload(device, form.values.cert_pem.trim()),
    onSuccess: () => {
      toast.success('The certificate is registered');
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty}
      title={`Register a certificate of ${device}`}
      description={`Signed by a CA of your own (Settings, Certificates) or by Pulse's; its CN is ${tenant}/${device}.`}
    >
      <DialogForm
        submit="Register"
        busy={upload.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ cert_pem: pemFault(form.values.cert_pem, 'CERTIFICATE') })) upload.mutate();
        }}
      >
        <PemField
          label="Certificate (PEM)"
          value={form.values.cert_pem}
          onChange={(x) => form.set('cert_pem', x)}
          fault={form.fault('cert_pem')}
        />
      </DialogForm>
    </Dialog>
  );
}

/** The dialog of one way. */
export function IssueDialog({
  way,
  device,
  tenant,
  onClose,
}: {
  way: Way;
  device: string;
  tenant: string;
  onClose: () => void;
}) {
  if (way === 'csr') return <Sign device={device} onClose={onClose} />;
  if (way === 'upload') return <Upload device={device} tenant={tenant} onClose={onClose} />;
  return <NewKey device={device} replace={way === 'rotate'} onClose={onClose} />;
}
