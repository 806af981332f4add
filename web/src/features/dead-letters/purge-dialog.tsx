import { letters } from '@/api/routes';
import { many } from '@/lib/numbers';
import { useForm } from '@/lib/use-form';
import { TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { useRefreshLetters } from './queries';

/** Removes old dead letters for good, from an age that the person names. */
export function PurgeDialog({ onClose }: { onClose: () => void }) {
  const refresh = useRefreshLetters();
  const form = useForm({ days: '30' });
  const days = Number(form.values.days);
  const good = Number.isInteger(days) && days >= 1 && days <= 365;
  return (
    <FormDialog
      title="Remove old dead letters?"
      description="Whatever became of them: failed, replayed and discarded ones. This can’t be undone."
      submit={good ? `Remove those older than ${many(days, 'day')}` : 'Remove'}
      danger
      form={form}
      faults={() => ({ days: !good && 'Whole days, from 1 to 365.' })}
      save={() => letters.purge(days)}
      told={({ purged }) => `${many(purged, 'dead letter')} removed`}
      onSaved={refresh}
      onClose={onClose}
    >
      <TextField label="Older than days" inputMode="numeric" {...form.text('days')} />
    </FormDialog>
  );
}
