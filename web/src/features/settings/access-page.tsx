import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { callPath } from '@/api/customer';
import { people, type ServiceAccount } from '@/api/people';
import { Gate } from '@/auth/gated';
import { needs } from '@/auth/needs';
import PermissionNote from '@/features/people/permission-note';
import { useRefreshPeople } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CodeBlock, CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu, MenuItem, MenuLine } from '@/ui/menu';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { useServiceAccounts, useTokens } from './queries';
import { AccountDialog, NewToken } from './token-dialogs';
import { TokenList } from './token-list';

type Asking = { account: ServiceAccount; what: 'token' | 'edit' | 'delete' } | null;

function Account({ account: a, onAsk }: { account: ServiceAccount; onAsk: (what: 'token' | 'edit' | 'delete') => void }) {
  const refresh = useRefreshPeople();
  const turn = useMutation({
    mutationFn: (enabled: boolean) => people.changeServiceAccount(a.id, { enabled }),
    onSuccess: (_, enabled) => {
      toast.success(`${a.name} is ${enabled ? 'enabled' : 'disabled: its tokens are refused'}`);
      refresh();
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  return (
    <section aria-label={a.name} data-account={a.name} className="border-b last:border-b-0">
      <div className="flex items-start justify-between gap-3 bg-surface-2 px-3 py-2">
        <div className="min-w-0">
          <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
            {a.name}
            {a.disabled_at && <Tag>disabled</Tag>}
            <CopyValue text={a.id} name="service account id" />
          </h3>
          <p className="text-12 text-ink-2">
            {a.description ? `${a.description} · ` : ''}
            {a.disabled_at ? (
              <>
                disabled <Ago at={a.disabled_at} />
              </>
            ) : (
              <>
                made <Ago at={a.created_at} />
              </>
            )}
          </p>
        </div>
        <span className="flex shrink-0 gap-1.5">
          <Button small onClick={() => onAsk('token')}>
            New token
          </Button>
          <Menu
            trigger={
              <Button small kind="quiet" aria-label={`Actions for ${a.name}`}>
                <MoreIcon />
              </Button>
            }
          >
            <MenuItem onSelect={() => onAsk('edit')}>Edit</MenuItem>
            <MenuItem onSelect={() => turn.mutate(Boolean(a.disabled_at))}>
              {a.disabled_at ? 'Enable' : 'Disable'}
            </MenuItem>
            <MenuLine />
            <MenuItem danger onSelect={() => onAsk('delete')}>
              Delete
            </MenuItem>
          </Menu>
        </span>
      </div>
      {a.tokens.length === 0 ? (
        <p className="px-3 py-2 text-ink-2">No token: it can't call anything yet.</p>
      ) : (
        <TokenList tokens={a.tokens} home={{ account: a.id }} label={`Tokens of ${a.name}`} />
      )}
    </section>
  );
}

function ServiceAccounts() {
  const accounts = useServiceAccounts();
  const refresh = useRefreshPeople();
  const [creating, setCreating] = useState(false);
  const [asking, setAsking] = useState<Asking>(null);
  const remove = useMutation({
    mutationFn: (id: string) => people.deleteServiceAccount(id),
    onSuccess: () => {
      toast.success('The service account is deleted');
      setAsking(null);
      refresh();
    },
  });
  const a = asking?.account;
  return (
    <Panel
      title="Service accounts"
      aside={
        <Button small onClick={() => setCreating(true)}>
          New service account
        </Button>
      }
    >
      {accounts.error && !accounts.data ? (
        <Failure error={accounts.error} what="Service accounts" retry={() => void accounts.refetch()} />
      ) : accounts.isPending ? (
        <SkeletonRows rows={2} label="Loading service accounts" />
      ) : accounts.data.length === 0 ? (
        <Empty title="No machine calls on its own yet">
          A service account is a caller that belongs to nobody: an ERP connector, a data pipeline. Its
          tokens go on working when the person who made them leaves, and the activity log names it.
        </Empty>
      ) : (
        accounts.data.map((account) => (
          <Account
            key={account.id}
            account={account}
            onAsk={(what) => {
              remove.reset();
              setAsking({ account, what });
            }}
          />
        ))
      )}
      {creating && <AccountDialog account={null} onClose={() => setCreating(false)} />}
      {a && asking.what === 'edit' && <AccountDialog account={a} onClose={() => setAsking(null)} />}
      {a && asking.what === 'token' && <NewToken account={a} onClose={() => setAsking(null)} />}
      {a && asking.what === 'delete' && (
        <Confirm
          title={`Delete ${a.name}?`}
          action="Delete"
          type={a.tokens.length > 0 ? a.name : undefined}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(a.id)}
          onClose={() => setAsking(null)}
        >
          <p>
            {a.tokens.length > 0
              ? `Its ${many(a.tokens.length, 'token')} end at once, and what calls with them is refused. This can't be undone.`
              : "It has no token. This can't be undone."}
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

/** Tokens for scripts and machines: the caller's own, and those of service accounts. */
export default function AccessPage() {
  useTitle('API tokens');
  const tokens = useTokens();
  const { get, set } = useUrl();
  const add = (
    <Button kind="primary" onClick={() => set({ new: '1' })}>
      New token
    </Button>
  );
  return (
    <>
      <PageHeader
        title="API tokens"
        actions={
          <>
            <CopyCall path={callPath('/api-tokens')} />
            {add}
          </>
        }
      />
      <div className="flex flex-col gap-4">
        <Panel title="Your tokens" aside={<span>work as you, within their scopes</span>}>
          {tokens.error && !tokens.data ? (
            <Failure error={tokens.error} what="Your tokens" retry={() => void tokens.refetch()} />
          ) : tokens.isPending ? (
            <SkeletonRows rows={2} label="Loading your tokens" />
          ) : tokens.data.length === 0 ? (
            <Empty title="No token yet" action={add}>
              <p className="mb-3">
                A token lets a script call the API as you, without your password: choose what it may do
                and when it ends, and copy it into the script.
              </p>
              <CodeBlock
                label="A first call"
                text={`curl -H "Authorization: Bearer $PULSE_TOKEN" '${location.origin}/api/v1/customer/devices?limit=5'`}
              />
            </Empty>
          ) : (
            <TokenList tokens={tokens.data} home={null} label="Your tokens" />
          )}
        </Panel>
        <Gate
          needs={needs.serviceAccounts}
          otherwise={
            <Panel title="Service accounts">
              <div className="px-3 py-2 text-ink-2">
                Callers that belong to nobody, for machines.
                <PermissionNote permission={needs.serviceAccounts} />
              </div>
            </Panel>
          }
        >
          <ServiceAccounts />
        </Gate>
      </div>
      {get('new') === '1' && <NewToken account={null} onClose={() => set({ new: null })} />}
    </>
  );
}
