import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { toast } from 'sonner';
import { updates } from '@/api/updates';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, TextField } from '@/ui/field';
import { bytes } from './bytes';

const hex = /^[0-9a-f]{64}$/;

/** Uploads a file in parts, and shows how far it is. */
export function UploadFirmware({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const fileId = useId();
  const [file, setFile] = useState<File | null>(null);
  const [share, setShare] = useState(0);
  const form = useForm({
    file: '',
    version: '',
    device_type: '',
    description: '',
    checksum_sha256: '',
    signature: '',
  });
  const v = form.values;
  const or = (text: string) => (text.trim() === '' ? null : text.trim());
  const save = useMutation({
    mutationFn: (chosen: File) =>
      updates.upload(
        chosen,
        {
          version: v.version.trim(),
          device_type: or(v.device_type),
          description: or(v.description),
          checksum_sha256: or(v.checksum_sha256.toLowerCase()),
          signature: or(v.signature),
          size_bytes: chosen.size,
        },
        setShare,
      ),
    onMutate: () => setShare(0),
    onSuccess: (made) => {
      toast.success(`${made.version} is uploaded`, { description: `SHA-256 ${made.checksum_sha256}` });
      void queries.invalidateQueries({ queryKey: ['firmware'] });
      onClose();
    },
    onError: form.setError,
  });
  const fault = form.fault('file');
  return (
    <Dialog open onClose={onClose} dirty={form.dirty || file !== null} title="Upload firmware">
      <DialogForm
        submit="Upload"
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const sum = v.checksum_sha256.trim().toLowerCase();
          const good = form.check({
            file: file === null ? 'Choose a file.' : file.size === 0 && 'The file is empty.',
            version: v.version.trim() === '' && 'Give a version.',
            checksum_sha256: sum !== '' && !hex.test(sum) && '64 hex digits.',
          });
          if (good && file) save.mutate(file);
        }}
      >
        <div className="flex flex-col gap-1">
          <label htmlFor={fileId} className="font-medium">
            File
          </label>
          <input
            id={fileId}
            type="file"
            aria-invalid={fault ? true : undefined}
            aria-describedby={fault ? `${fileId}-fault` : undefined}
            className="w-full rounded-m border border-line-strong bg-surface px-2.5 py-1"
            onChange={(e) => {
              setFile(e.target.files?.[0] ?? null);
              form.set('file', e.target.files?.[0]?.name ?? '');
            }}
          />
          {fault && (
            <p id={`${fileId}-fault`} className="text-12 text-critical">
              <span aria-hidden="true">▲ </span>
              {fault}
            </p>
          )}
          {file && <p className="num text-12 text-ink-3">{bytes(file.size)}</p>}
        </div>
        <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
          <TextField
            label="Version"
            value={v.version}
            placeholder="2.1.0"
            onChange={(e) => form.set('version', e.target.value)}
            fault={form.fault('version')}
          />
          <TextField
            label="Device type"
            optional
            value={v.device_type}
            onChange={(e) => form.set('device_type', e.target.value)}
            fault={form.fault('device_type')}
            help="Only devices of this type get it; without one, all do."
          />
        </div>
        <AreaField
          label="What is new"
          optional
          value={v.description}
          onChange={(value) => form.set('description', value)}
          fault={form.fault('description')}
        />
        <TextField
          label="SHA-256"
          optional
          mono
          value={v.checksum_sha256}
          onChange={(e) => form.set('checksum_sha256', e.target.value)}
          fault={form.fault('checksum_sha256')}
          help="What arrives must have it. Pulse works it out in any case."
        />
        <TextField
          label="Signature"
          optional
          mono
          value={v.signature}
          onChange={(e) => form.set('signature', e.target.value)}
          fault={form.fault('signature')}
          help="Ed25519 over the SHA-256, in base64. Needed once the organization has a signing key."
        />
        {save.isPending && (
          <div>
            <progress
              aria-label="Upload"
              className="h-2 w-full accent-accent"
              value={share}
              max={1}
            />
            <p className="num text-12 text-ink-2" aria-live="polite">
              {Math.round(share * 100)} % of {file ? bytes(file.size) : ''}
            </p>
          </div>
        )}
      </DialogForm>
    </Dialog>
  );
}
