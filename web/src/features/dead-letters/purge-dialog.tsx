import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { letters } from '@/api/routes';
import { many } from '@/lib/numbers';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { useRefreshLetters } from './queries';

/** Removes old dead letters for good, from an age that the person names. */
export function PurgeDialog({ onClose }: { onClose: () => void }) {
  const refresh = useRefreshLetters();
  const form = useForm({ days: '30' });
  const days = Number(form.values.days);
  const good = Number.isInteger(days) && days >= 1 && days <= 365;
  const purge = useMutation({
    mutationFn: () => letters.purge(days),
    onSuccess: ({ purged }) => {
      toast.success(`${many(purged, 'dead letter')} removed`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title="Remove old dead letters?"
      description="Whatever became of them: failed, replayed and discarded ones. This can’t be undone."
    >
      <DialogForm
        submit={good ? `Remove those older than ${many(days, 'day')}` : 'Remove'}
        danger
        busy={purge.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ days: !good && 'Whole days, from 1 to 365.' })) purge.mutate();
        }}
      >
        <TextField
          label="Older than days"
          inputMode="numeric"
          value={form.values.days}
          onChange={(e) => form.set('days', e.target.value)}
          fault={form.fault('days')}
        />
      </DialogForm>
    </Dialog>
  );
}
