import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import type { Token } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { CredentialsBox, useRotate } from '@/features/connect/credentials';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useTokens } from './queries';

/** New credentials: asks for label and grace, then shows them once. */
export function RotateDialog({
  device,
  hasLive,
  onClose,
}: {
  device: string;
  hasLive: boolean;
  onClose: () => void;
}) {
  const rotate = useRotate(device);
  const form = useForm({ label: 'rotated', grace: '1' });
  if (rotate.data)
    return (
      <Dialog open onClose={onClose} dirty title={`New credentials of ${device}`}>
        <CredentialsBox credentials={rotate.data} />
        <div className="mt-4 flex justify-end">
          <Button kind="primary" onClick={onClose}>
            I have stored them
          </Button>
        </div>
      </Dialog>
    );
  return (
    <Dialog open onClose={onClose} title={`${hasLive ? 'Rotate' : 'Make'} credentials of ${device}`}>
      <DialogForm
        submit={hasLive ? 'Rotate' : 'Make credentials'}
        busy={rotate.isPending}
        error={rotate.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ label: form.values.label.trim() === '' && 'Give a label.' }))
            rotate.mutate({
              label: form.values.label.trim(),
              graceHours: hasLive ? Number(form.values.grace) : 0,
            });
        }}
      >
        <TextField
          label="Label"
          value={form.values.label}
          onChange={(e) => form.set('label', e.target.value)}
          fault={form.fault('label')}
          help="To tell credentials apart in the list."
        />
        {hasLive && (
          <SelectField
            label="Earlier credentials"
            value={form.values.grace}
            onChange={(x) => form.set('grace', x)}
            options={[
              { value: '0', label: 'stop working at once' },
              { value: '1', label: 'work for one more hour' },
              { value: '24', label: 'work for one more day' },
            ]}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}

export function Tokens({ device }: { device: string }) {
  const queries = useQueryClient();
  const tokens = useTokens(device);
  const [rotating, setRotating] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const revoke = useMutation({
    mutationFn: (token: Token) => api.revokeToken(device, token.id),
    onSuccess: (_, token) => {
      toast.success(`“${token.label}” is revoked`);
      setRevoking(null);
      void queries.invalidateQueries({ queryKey: ['tokens', device] });
    },
  });
  const live = (tokens.data ?? []).filter((t) => t.revoked_at === null);
  return (
    <Panel
      title="Credentials"
      aside={
        <GatedButton needs={needs.rotateToken} small onClick={() => setRotating(true)}>
          {live.length > 0 ? 'Rotate' : 'Make credentials'}
        </GatedButton>
      }
    >
      {tokens.error ? (
        <Failure error={tokens.error} what="Credentials" retry={() => void tokens.refetch()} />
      ) : tokens.isPending ? (
        <SkeletonRows rows={2} label="Loading credentials" />
      ) : live.length === 0 ? (
        <p className="px-3 py-4 text-ink-2">
          None: this device can't send. Make credentials; the password is then shown once.
        </p>
      ) : (
        <ul>
          {live.map((t) => (
            <li
              key={t.id}
              className="flex items-center justify-between gap-3 border-b px-3 py-2 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="truncate">{t.label}</p>
                <p className="truncate font-mono text-12 text-ink-3">{t.client_id}</p>
                <p className="text-12 text-ink-2">
                  made <Ago at={t.created_at} />
                  {t.last_used_at !== undefined && (
                    <>
                      , used <Ago at={t.last_used_at} />
                    </>
                  )}
                  {t.expires_at && (
                    <>
                      , ends <Ago at={t.expires_at} />
                    </>
                  )}
                </p>
              </div>
              <GatedButton
                needs={needs.revokeToken}
                small
                kind="danger"
                onClick={() => setRevoking(t)}
              >
                Revoke
              </GatedButton>
            </li>
          ))}
        </ul>
      )}
      {rotating && (
        <RotateDialog device={device} hasLive={live.length > 0} onClose={() => setRotating(false)} />
      )}
      {revoking && (
        <Dialog open onClose={() => setRevoking(null)} title={`Revoke “${revoking.label}”?`}>
          <DialogForm
            danger
            submit="Revoke"
            busy={revoke.isPending}
            error={revoke.error}
            onCancel={() => setRevoking(null)}
            onSubmit={() => revoke.mutate(revoking)}
          >
            <p className="text-ink-2">
              Whatever uses the client id <code className="font-mono text-12">{revoking.client_id}</code>{' '}
              is refused at once. This can't be undone.
            </p>
          </DialogForm>
        </Dialog>
      )}
    </Panel>
  );
}
