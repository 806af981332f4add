import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { labels } from '@/api/imports';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useLabelSheet } from '@/features/connect/label';
import { forEach } from '@/lib/for-each';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { DecommissionDialog } from './decommission-dialog';
import { useRestore } from './queries';

/** What can be done to the selected devices. */
export function BulkBar({
  ids,
  decommissioned,
  onClear,
}: {
  ids: string[];
  /** The list shows devices that are out of service. */
  decommissioned: boolean;
  onClear: () => void;
}) {
  const queries = useQueryClient();
  const restore = useRestore();
  const sheet = useLabelSheet();
  const [open, setOpen] = useState<'tag' | 'decommission' | null>(null);
  const [tag, setTag] = useState('');
  const [fault, setFault] = useState('');
  const [through, setThrough] = useState<number | null>(null);
  const busy = through !== null;

  const addTag = async () => {
    const word = tag.trim();
    if (!word) {
      setFault('Give a tag.');
      return;
    }
    setThrough(0);
    const { done, failed } = await forEach(ids, (id) => api.addTag(id, word), setThrough);
    setThrough(null);
    for (const key of [['devices'], ['device'], ['tags']])
      void queries.invalidateQueries({ queryKey: key });
    if (failed.length > 0) {
      const names = failed.slice(0, 3).map((f) => f.id).join(', ');
      setFault(
        `${done.length} of ${ids.length} are tagged. Not ${names}` +
          `${failed.length > 3 ? ` and ${failed.length - 3} more` : ''}: ${asApiError(failed[0]!.error).message}`,
      );
      return;
    }
    toast.success(`Tagged ${many(done.length, 'device')} “${word}”`);
    setOpen(null);
    setTag('');
  };

  return (
    <>
      <span className="num text-ink-2" role="status">
        {ids.length} selected
      </span>
      <GatedButton needs={needs.tag} onClick={() => setOpen('tag')}>
        Tag
      </GatedButton>
      {ids.length <= labels.most && (
        <Button busy={sheet.isPending} onClick={() => sheet.mutate(ids)}>
          Labels
        </Button>
      )}
      {decommissioned ? (
        <GatedButton
          needs={needs.decommission}
          busy={restore.isPending}
          onClick={() => restore.mutate(ids, { onSuccess: onClear })}
        >
          Restore
        </GatedButton>
      ) : (
        <GatedButton
          needs={needs.decommission}
          kind="danger"
          onClick={() => setOpen('decommission')}
        >
          Decommission
        </GatedButton>
      )}
      <Button kind="quiet" onClick={onClear}>
        Clear
      </Button>
      <Dialog
        open={open === 'tag'}
        onClose={() => setOpen(null)}
        dirty={tag !== '' || busy}
        title={`Tag ${many(ids.length, 'device')}`}
      >
        <DialogForm
          submit={busy ? `${through} of ${ids.length}` : 'Add tag'}
          busy={busy}
          onCancel={() => setOpen(null)}
          onSubmit={() => void addTag()}
        >
          <TextField
            label="Tag"
            autoFocus
            value={tag}
            onChange={(e) => {
              setTag(e.target.value);
              setFault('');
            }}
            fault={fault || undefined}
            help="Added to the tags that each device has."
            placeholder="pilot"
          />
        </DialogForm>
      </Dialog>
      {open === 'decommission' && (
        <DecommissionDialog ids={ids} onClose={() => setOpen(null)} onDone={onClear} />
      )}
    </>
  );
}
