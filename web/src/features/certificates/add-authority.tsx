import { useMutation, useQuery } from '@tanstack/react-query';
import { toast } from 'sonner';
import { certificatesApi } from '@/api/certificates';
import { useForm } from '@/lib/use-form';
import { CodeBlock } from '@/ui/copy';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { Failure, Skeleton } from '@/ui/states';
import { Ago } from '@/ui/time';
import { PemField, pemFault } from './pem-field';
import { useRefreshCertificates } from './queries';

const proofLines = (nonce: string) => `openssl req -new -newkey rsa:2048 -nodes -subj /CN=${nonce} \\
  -keyout proof.key -out proof.csr
openssl x509 -req -in proof.csr -CA your-ca.pem -CAkey your-ca.key \\
  -CAcreateserial -days 1 -out proof.pem`;

/** Adds a CA in three steps; the nonce is asked for when the dialog opens. */
export function AddAuthority({ onClose }: { onClose: () => void }) {
  const refresh = useRefreshCertificates();
  const form = useForm({ name: '', ca_cert_pem: '', verification_cert_pem: '' });
  const v = form.values;
  const challenge = useQuery({
    queryKey: ['certificate-challenge'],
    queryFn: certificatesApi.challenge,
    // One for as long as the dialog is open; the next dialog asks for another.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const add = useMutation({
    mutationFn: () =>
      certificatesApi.addAuthority({
        name: v.name.trim(),
        ca_cert_pem: v.ca_cert_pem.trim(),
        verification_cert_pem: v.verification_cert_pem.trim(),
      }),
    onSuccess: (a) => {
      toast.success(`${a.name} is trusted`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog open wide onClose={onClose} dirty={form.dirty} title="Add a CA of your own">
      <DialogForm
        submit="Add CA"
        busy={add.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const faults = {
            name: v.name.trim() === '' && 'Give a name.',
            ca_cert_pem: pemFault(v.ca_cert_pem, 'CERTIFICATE'),
            verification_cert_pem: pemFault(v.verification_cert_pem, 'CERTIFICATE'),
          };
          if (form.check(faults)) add.mutate();
        }}
      >
        <h3 className="font-semibold">1. The CA</h3>
        <TextField
          label="Name"
          autoFocus
          maxLength={100}
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
          placeholder="Factory in Graz"
        />
        <PemField
          label="CA certificate (PEM)"
          value={v.ca_cert_pem}
          onChange={(x) => form.set('ca_cert_pem', x)}
          fault={form.fault('ca_cert_pem')}
        />
        <h3 className="font-semibold">2. Sign this name by it</h3>
        {challenge.error ? (
          <Failure error={challenge.error} what="The nonce" retry={() => void challenge.refetch()} />
        ) : challenge.data ? (
          <>
            <CodeBlock label="Where the CA's key is" text={proofLines(challenge.data.nonce)} />
            <p className="text-12 text-ink-2">
              The name is good once, and ends <Ago at={challenge.data.expires_at} />. It proves that the CA's
              key is yours; the key stays where it is.
            </p>
          </>
        ) : (
          <Skeleton className="h-28" />
        )}
        <h3 className="font-semibold">3. The proof</h3>
        <PemField
          label="Verification certificate (PEM)"
          help="proof.pem of the step before"
          value={v.verification_cert_pem}
          onChange={(x) => form.set('verification_cert_pem', x)}
          fault={form.fault('verification_cert_pem')}
        />
      </DialogForm>
    </Dialog>
  );
}
