import { Dialog, DialogForm } from '@/ui/dialog';
import { many } from '@/lib/numbers';
import { useDecommission } from './queries';

/** Asks before devices are taken out of service, naming them. */
export function DecommissionDialog({
  ids,
  names,
  onClose,
  onDone,
}: {
  ids: string[];
  names?: Map<string, string>;
  onClose: () => void;
  onDone?: () => void;
}) {
  const work = useDecommission();
  const first = ids[0] ?? '';
  const label = (id: string) => {
    const name = names?.get(id);
    return name && name !== id ? `${name} (${id})` : id;
  };
  const title = ids.length === 1 ? `Decommission ${label(first)}?` : `Decommission ${many(ids.length, 'device')}?`;
  return (
    <Dialog open onClose={onClose} title={title} dirty={work.isPending}>
      <DialogForm
        danger
        submit={ids.length === 1 ? `Decommission ${first}` : `Decommission ${ids.length}`}
        busy={work.isPending}
        error={work.error}
        onCancel={onClose}
        onSubmit={() =>
          work.mutate(ids, {
            onSuccess: () => {
              onDone?.();
              onClose();
            },
          })
        }
      >
        <p className="text-ink-2">
          {ids.length === 1 ? 'Its credentials are' : 'Their credentials are'} revoked at once and
          messages are refused. The history stays. You can undo this; new credentials are needed
          then.
        </p>
        {ids.length > 1 && (
          <ul className="max-h-48 overflow-y-auto rounded-m border px-3 py-2 font-mono text-12">
            {ids.map((id) => (
              <li key={id}>{label(id)}</li>
            ))}
          </ul>
        )}
      </DialogForm>
    </Dialog>
  );
}
