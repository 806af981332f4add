// Making a token, and the one time that its secret is shown.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { people, type NewApiToken, type ServiceAccount, type TokenHome } from '@/api/people';
import { usePermissions } from '@/auth/permissions';
import { useCatalogue, useRefreshPeople } from '@/features/people/queries';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { CodeBlock, CopyButton } from '@/ui/copy';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { Skeleton } from '@/ui/states';
import { Ago } from '@/ui/time';
import { ScopePicker } from './scope-picker';
import { tryToken } from './scopes';
import { useRefreshTokens } from './queries';

const lives = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'One year' },
];

/** A secret, this once, with a call that tries it. */
export function SecretDialog({ token, onClose }: { token: NewApiToken; onClose: () => void }) {
  return (
    <Dialog open wide dirty onClose={onClose} title={`The token ${token.name}`}>
      <div className="flex flex-col gap-3">
        <p className="rounded-m bg-warning-soft px-3 py-2 text-warning" role="note">
          <span aria-hidden="true">▲ </span>
          It is shown this once: copy it now. If it is lost, rotate the token.
        </p>
        <div className="flex items-center justify-between gap-3 rounded-m border bg-surface-2 px-3 py-2">
          <code className="min-w-0 font-mono text-12 break-all" data-testid="secret">
            {token.token}
          </code>
          <CopyButton text={token.token} label="Copy token" />
        </div>
        <CodeBlock label="Try it" text={tryToken(location.origin, token.token)} />
        <p className="text-ink-2">
          {token.expires_at ? (
            <>
              It ends <Ago at={token.expires_at} />.
            </>
          ) : (
            'It does not end by itself.'
          )}{' '}
          Send it as <code className="font-mono text-12">Authorization: Bearer</code>; treat it like a
          password.
        </p>
        <div className="flex justify-end">
          <Button kind="primary" onClick={onClose}>
            I have stored it
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/** Makes a token of the caller, or of a service account. */
export function NewToken({
  account,
  onClose,
}: {
  /** The service account that gets it; null: the caller. */
  account: ServiceAccount | null;
  onClose: () => void;
}) {
  const refresh = useRefreshTokens();
  const catalogue = useCatalogue();
  const { may } = usePermissions();
  const mine = (catalogue.data ?? []).filter((p) => may(p.action));
  const form = useForm({ name: '', days: '90' });
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<NewApiToken | null>(null);
  const home: TokenHome = account && { account: account.id };
  const v = form.values;
  const create = useMutation({
    mutationFn: () =>
      people.createToken(home, {
        name: v.name.trim(),
        scopes: [...scopes],
        expires_in_days: v.days === '' ? null : Number(v.days),
      }),
    onSuccess: (token) => {
      setMade(token);
      refresh();
    },
    onError: form.setError,
  });
  if (made) return <SecretDialog token={made} onClose={onClose} />;
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      dirty={form.dirty || scopes.size > 0}
      title={account ? `New token of ${account.name}` : 'New personal token'}
      description={
        account
          ? 'Works for the machine, whoever made it. Nobody gives it more than they may do themselves.'
          : 'Works as you, within its scopes, and never does more than you may at that moment.'
      }
    >
      <DialogForm
        submit="Create token"
        busy={create.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          setTried(true);
          const good = form.check({ name: v.name.trim() === '' && 'Say what it is for.' });
          if (good && scopes.size > 0) create.mutate();
        }}
      >
        <div className="grid gap-3 sm:grid-cols-[minmax(0,1fr)_12rem]">
          <TextField
            label="What it is for"
            autoFocus
            maxLength={100}
            value={v.name}
            onChange={(e) => form.set('name', e.target.value)}
            fault={form.fault('name')}
            placeholder="Grafana"
          />
          <SelectField
            label="Ends after"
            options={lives}
            none="Never"
            value={v.days}
            onChange={(days) => form.set('days', days)}
          />
        </div>
        {v.days === '' && (
          <p className="text-warning" role="note">
            <span aria-hidden="true">▲ </span>A token that never ends is a key that nobody misses. Prefer
            an end, and rotate it.
          </p>
        )}
        {catalogue.data ? (
          <ScopePicker
            permissions={mine}
            chosen={scopes}
            onChange={setScopes}
            fault={tried && scopes.size === 0 ? 'Choose at least one.' : undefined}
          />
        ) : (
          <Skeleton className="h-48" />
        )}
      </DialogForm>
    </Dialog>
  );
}

/** Makes a service account, or names one anew. */
export function AccountDialog({
  account,
  onClose,
}: {
  account: ServiceAccount | null;
  onClose: () => void;
}) {
  const refresh = useRefreshPeople();
  const form = useForm({ name: account?.name ?? '', description: account?.description ?? '' });
  const v = form.values;
  const save = useMutation({
    mutationFn: async () => {
      const body = { name: v.name.trim(), description: v.description.trim() };
      if (account) await people.changeServiceAccount(account.id, body);
      else await people.createServiceAccount(body);
    },
    onSuccess: () => {
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
      title={account ? `Edit ${account.name}` : 'New service account'}
      description={account ? undefined : 'A machine that calls the API, with tokens of its own.'}
    >
      <DialogForm
        submit={account ? 'Save' : 'Create'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check({ name: v.name.trim() === '' && 'Give a name.' })) save.mutate();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          maxLength={100}
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
          placeholder="ERP connector"
        />
        <TextField
          label="Description"
          optional
          maxLength={500}
          value={v.description}
          onChange={(e) => form.set('description', e.target.value)}
          fault={form.fault('description')}
          placeholder="Who runs it, and where"
        />
      </DialogForm>
    </Dialog>
  );
}
