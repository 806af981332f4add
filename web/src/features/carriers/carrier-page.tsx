// Settings: the tenant's accounts at carriers, and how their last sync went.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { carriers, type CarrierIntegration } from '@/api/carriers';
import { asApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { Confirm } from '@/ui/confirm';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { IntegrationDialog } from './integration-dialog';
import { carrierTitle, integrationsKey, known, useIntegrations } from './queries';

const syncWords: Record<string, [string, string]> = {
  success: ['✓ in step', 'text-online'],
  partial: ['▲ some SIMs failed', 'text-warning'],
  error: ['▲ failed', 'text-critical'],
  never: ['not yet', 'text-ink-2'],
};

function SyncState({ integration: i }: { integration: CarrierIntegration }) {
  const [words, tone] = syncWords[i.last_sync_status] ?? [i.last_sync_status, 'text-ink-2'];
  return (
    <div className="min-w-0">
      <p className={tone}>{words}</p>
      <p className="text-12 text-ink-2">
        {i.last_sync_at && (
          <>
            <Ago at={i.last_sync_at} /> ·{' '}
          </>
        )}
        {i.enabled && i.sync_enabled ? `every ${many(i.sync_interval_minutes, 'minute')}` : 'switched off'}
      </p>
      {i.last_sync_error && <p className="text-12 break-words text-critical">{i.last_sync_error}</p>}
    </div>
  );
}

function Row({
  integration: i,
  onEdit,
  onDelete,
}: {
  integration: CarrierIntegration;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const queries = useQueryClient();
  const turn = useMutation({
    mutationFn: () => carriers.update(i.id, { enabled: !i.enabled }),
    onSuccess: () => {
      toast.success(`${i.display_name} is ${i.enabled ? 'disabled: it is asked no more' : 'enabled'}`);
      void queries.invalidateQueries({ queryKey: integrationsKey });
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  return (
    <li
      data-integration={i.carrier_name}
      className="grid gap-x-4 gap-y-2 border-b px-3 py-2.5 last:border-b-0 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto]"
    >
      <div className="min-w-0">
        <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
          {i.display_name}
          {i.display_name !== carrierTitle(i.carrier_name) && <Tag>{carrierTitle(i.carrier_name)}</Tag>}
          {!i.enabled && <Tag>disabled</Tag>}
        </h3>
        <p className="text-12 text-ink-2">
          {many(i.device_count, 'device')}
          {i.account_id && ` · account ${i.account_id}`}
        </p>
        <p className="text-12 text-ink-2">
          {i.api_key_masked ? (
            <>
              Key <span className="font-mono">{i.api_key_masked}</span>
            </>
          ) : (
            'No key'
          )}
        </p>
      </div>
      <SyncState integration={i} />
      <div className="flex flex-wrap items-start gap-1.5">
        <GatedButton needs={needs.editCarrier} small onClick={onEdit}>
          Edit
        </GatedButton>
        <GatedButton needs={needs.editCarrier} small busy={turn.isPending} onClick={() => turn.mutate()}>
          {i.enabled ? 'Disable' : 'Enable'}
        </GatedButton>
        <GatedButton needs={needs.deleteCarrier} small kind="danger" onClick={onDelete}>
          Delete
        </GatedButton>
      </div>
    </li>
  );
}

type Asking = 'add' | { what: 'edit' | 'delete'; integration: CarrierIntegration } | null;

export default function CarrierPage() {
  useTitle('Carriers');
  const queries = useQueryClient();
  const list = useIntegrations();
  const [asking, setAsking] = useState<Asking>(null);
  const remove = useMutation({
    mutationFn: (id: number) => carriers.remove(id),
    onSuccess: () => {
      toast.success('The carrier is deleted');
      setAsking(null);
      void queries.invalidateQueries({ queryKey: integrationsKey });
    },
  });
  const taken = list.data?.map((i) => i.carrier_name.toLowerCase()) ?? [];
  const add = (
    <GatedButton needs={needs.createCarrier} kind="primary" onClick={() => setAsking('add')}>
      Add carrier
    </GatedButton>
  );
  const asked = asking === null || asking === 'add' ? null : asking;
  return (
    <>
      <PageHeader title="Carriers" actions={known.some((k) => !taken.includes(k.value)) ? add : undefined} />
      <p className="mb-3 max-w-prose text-ink-2">
        Accounts at the carriers of your SIMs. Devices that are linked to one show their SIM, its use of
        data, and what can be done with it.
      </p>
      <Panel title="Accounts">
        {list.error && !list.data ? (
          <Failure error={list.error} what="Carriers" retry={() => void list.refetch()} />
        ) : list.isPending ? (
          <SkeletonRows rows={2} label="Loading carriers" />
        ) : list.data.length === 0 ? (
          <Empty title="No carrier yet" action={add}>
            Add your account at Hologram or 1NCE with its API key. Then link devices to their SIMs, on the
            tab Connectivity of each.
          </Empty>
        ) : (
          <ul>
            {list.data.map((i) => (
              <Row
                key={i.id}
                integration={i}
                onEdit={() => setAsking({ what: 'edit', integration: i })}
                onDelete={() => {
                  remove.reset();
                  setAsking({ what: 'delete', integration: i });
                }}
              />
            ))}
          </ul>
        )}
      </Panel>
      {(asking === 'add' || asked?.what === 'edit') && (
        <IntegrationDialog
          integration={asked?.integration ?? null}
          taken={taken}
          onClose={() => setAsking(null)}
        />
      )}
      {asked?.what === 'delete' && (
        <Confirm
          title={`Delete ${asked.integration.display_name}?`}
          action="Delete"
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(asked.integration.id)}
          onClose={() => setAsking(null)}
        >
          <p>
            {asked.integration.device_count > 0
              ? `${many(asked.integration.device_count, 'device')} use it: it can't be deleted before they are linked elsewhere.`
              : "Its API key is forgotten. The SIMs stay as they are at the carrier. This can't be undone."}
          </p>
        </Confirm>
      )}
    </>
  );
}
