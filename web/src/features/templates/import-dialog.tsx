import { useState } from 'react';
import { useNavigate } from 'react-router';
import { toast } from 'sonner';
import { asApiError, fieldOf } from '@/api/errors';
import { templates } from '@/api/templates';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField } from '@/ui/field';
import { schemaOf } from './command-dialog';
import { useTemplateWrite } from './queries';

/** Makes a template of a document: a file, or pasted. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const form = useForm({ text: '' });
  const [name, setName] = useState('');
  const { schema: document, fault } = schemaOf(form.values.text);
  const send = useTemplateWrite(() => templates.importDocument(document ?? {}), {
    onSuccess: (made) => {
      toast.success(`${made.name} is imported`);
      onClose();
      void navigate(`/templates/${made.id}`);
    },
  });
  const faults = send.error ? asApiError(send.error).faults : [];
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty}
      title="Import a template"
      description="A document that “Export” of a template has made, here or elsewhere."
    >
      <DialogForm
        submit="Import"
        busy={send.isPending}
        error={faults.length > 0 ? null : send.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ text: form.values.text.trim() === '' ? 'Choose a file or paste a document.' : fault }))
            send.mutate(undefined);
        }}
      >
        <div className="flex flex-wrap items-center gap-3">
          <label className="inline-flex h-8 cursor-pointer items-center rounded-m border border-line-strong px-3 font-medium focus-within:outline-2 focus-within:outline-(--focus) hover:bg-surface-2">
            Choose a file
            <input
              type="file"
              accept=".json,application/json"
              className="sr-only"
              onChange={(e) => {
                const file = e.target.files?.[0];
                if (!file) return;
                setName(file.name);
                file.text().then(
                  (text) => form.set('text', text),
                  () => toast.error(`${file.name} could not be read.`),
                );
              }}
            />
          </label>
          <span className="text-ink-2">{name || 'or paste it below'}</span>
        </div>
        <AreaField
          label="Document"
          value={form.values.text}
          onChange={(x) => form.set('text', x)}
          fault={form.fault('text')}
        />
        {faults.length > 0 && (
          <div role="alert" className="rounded-m border border-critical bg-critical-soft px-3 py-2">
            <p className="text-critical">▲ The document does not fit in {faults.length === 1 ? 'one place' : `${faults.length} places`}:</p>
            <ul className="mt-1 text-12">
              {faults.map((f) => (
                <li key={fieldOf(f) + f.msg}>
                  <span className="font-mono">{fieldOf(f) || 'document'}</span>: {f.msg}
                </li>
              ))}
            </ul>
          </div>
        )}
      </DialogForm>
    </Dialog>
  );
}
