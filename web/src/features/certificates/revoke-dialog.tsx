import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { certificatesApi, type Certificate } from '@/api/certificates';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { Ago } from '@/ui/time';
import { useRefreshCertificates } from './queries';

/** Asks once, with the reason for the log. */
export function RevokeDialog({ certificate: c, onClose }: { certificate: Certificate; onClose: () => void }) {
  const refresh = useRefreshCertificates();
  const form = useForm({ reason: '' });
  const revoke = useMutation({
    mutationFn: () => certificatesApi.revoke(c.id, form.values.reason.trim() || 'manual_revocation'),
    onSuccess: () => {
      toast.success('The certificate is revoked');
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog open onClose={onClose} dirty={form.dirty} title="Revoke this certificate?">
      <DialogForm
        danger
        submit="Revoke"
        busy={revoke.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => revoke.mutate()}
      >
        <p className="text-ink-2">
          {c.device_id} is cut off at once where it is connected by it, and for good. It was last used{' '}
          <Ago at={c.last_used_at} />. This can't be undone.
        </p>
        <p className="truncate font-mono text-12 text-ink-3">{c.fingerprint_sha256}</p>
        <TextField
          label="Reason"
          optional
          maxLength={100}
          value={form.values.reason}
          onChange={(e) => form.set('reason', e.target.value)}
          fault={form.fault('reason')}
          placeholder="device stolen"
        />
      </DialogForm>
    </Dialog>
  );
}
