import { useState } from 'react';
import { toast } from 'sonner';
import { rulesApi, type ImportResult } from '@/api/rules';
import { many } from '@/lib/numbers';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField } from '@/ui/field';
import { useRuleWrite } from './queries';

function read(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const words: Record<string, string> = {
  valid: '✓ can be made',
  created: '✓ made',
  skipped: 'is there already',
  error: '▲ does not fit',
};

/** Makes rules of a document; what it would do is shown first, rule by rule. */
export function ImportRules({ onClose }: { onClose: () => void }) {
  const form = useForm({ text: '' });
  const [looked, setLooked] = useState<ImportResult | null>(null);
  const send = useRuleWrite(
    (dry: boolean) => rulesApi.importAll(read(form.values.text) ?? {}, dry),
    {
      onSuccess: (result) => {
        setLooked(result);
        if (result.dry_run) return;
        toast.success(`${many(result.created, 'rule')} made`);
        onClose();
      },
      onError: form.setError,
    },
  );
  const set = (text: string) => {
    form.set('text', text);
    form.setError(null);
    setLooked(null);
  };
  const ready = looked !== null && looked.valid > 0;
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty}
      title="Import rules"
      description="A document that “Export all rules” has made, here or elsewhere. Rules whose names are there already stay as they are."
    >
      <DialogForm
        submit={ready ? `Make ${many(looked.valid, 'rule')}` : 'Look what it would do'}
        busy={send.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ text: read(form.values.text) === null && 'Paste the document, or choose its file.' }))
            send.mutate(!ready);
        }}
      >
        <label className="inline-flex h-8 w-fit cursor-pointer items-center rounded-m border border-line-strong px-3 font-medium focus-within:outline-2 focus-within:outline-(--focus) hover:bg-surface-2">
          Choose a file
          <input
            type="file"
            accept=".json,application/json"
            className="sr-only"
            onChange={(e) => {
              const file = e.target.files?.[0];
              if (file)
                file.text().then(set, () => void toast.error(`${file.name} could not be read.`));
            }}
          />
        </label>
        <AreaField label="Document" mono rows={6} value={form.values.text} onChange={set} fault={form.fault('text')} />
        {looked && (
          <ul aria-label="What it would do" className="panel">
            {looked.results.map((r, i) => (
              <li key={i} className="border-b px-3 py-1.5 last:border-b-0">
                <span className="font-medium">{r.name || `Rule ${i + 1}`}</span>{' '}
                <span className={r.status === 'error' ? 'text-critical' : 'text-ink-2'}>
                  {words[r.status] ?? r.status}
                  {r.status === 'error' && r.error ? `: ${r.error}` : ''}
                </span>
              </li>
            ))}
          </ul>
        )}
      </DialogForm>
    </Dialog>
  );
}
