import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { provisioning, type ProvisioningKey } from '@/api/imports';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { count } from '@/lib/numbers';
import { Confirm } from '@/ui/confirm';
import { CodeBlock } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { NewKey } from './new-key';

function Row({ entry, onRevoke }: { entry: ProvisioningKey; onRevoke: () => void }) {
  return (
    <li
      data-key={entry.name}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-2 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="flex min-w-0 flex-wrap items-baseline gap-x-2">
          <span className="truncate font-medium">{entry.name}</span>
          <span className="font-mono text-12 text-ink-3">{entry.key_id}</span>
        </p>
        <p className="text-12 text-ink-2">
          <span className="num">
            {count(entry.claimed)} of {count(entry.max_devices)}
          </span>{' '}
          claimed · {entry.site_id} · {entry.template_name ?? 'no template'} ·{' '}
          {entry.expires_at ? (
            <>
              {Date.parse(entry.expires_at) < Date.now() ? 'ended ' : 'ends '}
              <Ago at={entry.expires_at} />
            </>
          ) : (
            'until it is revoked'
          )}
        </p>
      </div>
      <GatedButton needs={needs.provisioningKeys} small onClick={onRevoke}>
        Revoke
      </GatedButton>
    </li>
  );
}

/** Keys by which devices register themselves. */
export default function ProvisioningPage() {
  useTitle('Provisioning keys');
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ['provisioning-keys'], queryFn: provisioning.keys });
  const [making, setMaking] = useState(false);
  const [leaving, setLeaving] = useState<ProvisioningKey | null>(null);
  const revoke = useMutation({
    mutationFn: (id: string) => provisioning.revoke(id),
    onSuccess: () => {
      toast.success('The key is revoked');
      setLeaving(null);
      void queries.invalidateQueries({ queryKey: ['provisioning-keys'] });
    },
  });
  const create = (
    <GatedButton needs={needs.provisioningKeys} kind="primary" onClick={() => setMaking(true)}>
      Create a key
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Provisioning keys"
        actions={
          <>
            <CopyCall path={callPath('/provisioning-keys')} />
            {keys.data && keys.data.length > 0 && create}
          </>
        }
      />
      <div className="flex max-w-240 flex-col gap-4">
        <Panel title="Keys">
          {keys.error && !keys.data ? (
            <Failure error={keys.error} what="Provisioning keys" retry={() => void keys.refetch()} />
          ) : !keys.data ? (
            <SkeletonRows rows={3} label="Loading keys" />
          ) : keys.data.length === 0 ? (
            <Empty title="No keys yet" action={create}>
              One key goes into the firmware of a whole batch. Each device changes it, when it is
              switched on, for a credential of its own, and lands on the key's site and template.
            </Empty>
          ) : (
            <ul>
              {keys.data.map((k) => (
                <Row
                  key={k.key_id}
                  entry={k}
                  onRevoke={() => {
                    revoke.reset();
                    setLeaving(k);
                  }}
                />
              ))}
            </ul>
          )}
        </Panel>
        <Panel title="What a device does with it">
          <div className="p-3">
            <CodeBlock
              label="Claim with curl"
              text={`curl -H 'Content-Type: application/json' ${location.origin}/api/device/claim \\\n  -d '{"key": "claim-...", "device_id": "pump-8"}'`}
            />
          </div>
        </Panel>
      </div>
      {making && <NewKey onClose={() => setMaking(false)} />}
      {leaving && (
        <Confirm
          title={`Revoke ${leaving.name}?`}
          action="Revoke"
          busy={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate(leaving.key_id)}
          onClose={() => setLeaving(null)}
        >
          No further device can register with it. The {count(leaving.claimed)} that did stay.
        </Confirm>
      )}
    </>
  );
}
