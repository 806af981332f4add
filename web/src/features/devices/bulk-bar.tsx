import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import type { DeviceList } from '@/api/types';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { DecommissionDialog } from './decommission-dialog';

/** Tags that the cached lists know of a device. */
function knownTags(pages: [unknown, DeviceList | undefined][], id: string): string[] {
  for (const [, page] of pages) {
    const d = page?.devices.find((x) => x.device_id === id);
    if (d) return d.tags ?? [];
  }
  return [];
}

/** What can be done to the selected devices. */
export function BulkBar({ ids, onClear }: { ids: string[]; onClear: () => void }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState<'tag' | 'decommission' | null>(null);
  const [tag, setTag] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const addTag = async () => {
    const word = tag.trim();
    if (!word) return;
    setBusy(true);
    setError(null);
    try {
      const pages = queries.getQueriesData<DeviceList>({ queryKey: ['devices'] });
      for (const id of ids) await api.setTags(id, [...new Set([...knownTags(pages, id), word])]);
      toast.success(`Tagged ${many(ids.length, 'device')} “${word}”`);
      setOpen(null);
      setTag('');
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
      void queries.invalidateQueries({ queryKey: ['devices'] });
    }
  };

  return (
    <>
      <span className="num text-ink-2" role="status">
        {ids.length} selected
      </span>
      <Button onClick={() => setOpen('tag')}>Tag</Button>
      <Button kind="danger" onClick={() => setOpen('decommission')}>
        Decommission
      </Button>
      <Button kind="quiet" onClick={onClear}>
        Clear
      </Button>
      <Dialog
        open={open === 'tag'}
        onClose={() => setOpen(null)}
        dirty={tag !== ''}
        title={`Tag ${many(ids.length, 'device')}`}
      >
        <DialogForm
          submit="Add tag"
          busy={busy}
          error={error}
          onCancel={() => setOpen(null)}
          onSubmit={() => void addTag()}
        >
          <TextField
            label="Tag"
            autoFocus
            value={tag}
            onChange={(e) => setTag(e.target.value)}
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
