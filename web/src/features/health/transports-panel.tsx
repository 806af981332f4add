import { useState } from 'react';
import { protocols, instances, type DeviceTransport } from '@/api/instances';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useHardwareWrite, useTransports } from '@/features/hardware/queries';
import { Confirm } from '@/ui/confirm';
import { Panel, Tag } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { protocolNames, TransportDialog } from './transport-dialog';

/** The ways by which the device talks, the primary one first. */
export function TransportsPanel({ device }: { device: string }) {
  const query = useTransports(device);
  const [editing, setEditing] = useState<DeviceTransport | 'new' | null>(null);
  const [removing, setRemoving] = useState<DeviceTransport | null>(null);
  const remove = useHardwareWrite((t: DeviceTransport) => instances.deleteTransport(device, t.id), {
    onSuccess: () => setRemoving(null),
  });
  const all = [...(query.data ?? [])].sort((a, b) => Number(b.is_primary) - Number(a.is_primary));
  const taken = all.map((t) => t.ingestion_protocol);
  return (
    <Panel
      title="Transports"
      aside={
        query.data &&
        taken.length < protocols.length && (
          <GatedButton needs={needs.editHardware} small onClick={() => setEditing('new')}>
            Add transport
          </GatedButton>
        )
      }
    >
      {query.error && !query.data ? (
        <Failure error={query.error} what="The transports" retry={() => void query.refetch()} />
      ) : query.isPending ? (
        <SkeletonRows rows={2} label="Loading transports" />
      ) : all.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">None is described. One says by which protocol the device talks.</p>
      ) : (
        <ul>
          {all.map((t) => (
            <li
              key={t.id}
              data-transport={t.ingestion_protocol}
              className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b px-3 py-1.5 last:border-b-0"
            >
              <span className="font-medium">{protocolNames[t.ingestion_protocol] ?? t.ingestion_protocol}</span>
              {t.is_primary && <Tag>★ primary</Tag>}
              <span className="text-ink-2">
                {[t.physical_connectivity, t.status].filter(Boolean).join(', ')}
              </span>
              {t.last_connected_at && (
                <span className="text-12 text-ink-3">
                  connected <Ago at={t.last_connected_at} />
                </span>
              )}
              <span className="ml-auto">
                <GatedButton
                  needs={needs.editHardware}
                  small
                  kind="quiet"
                  aria-label={`Edit ${protocolNames[t.ingestion_protocol]}`}
                  onClick={() => setEditing(t)}
                >
                  Edit
                </GatedButton>
                <GatedButton
                  needs={needs.editHardware}
                  small
                  kind="quiet"
                  aria-label={`Remove ${protocolNames[t.ingestion_protocol]}`}
                  onClick={() => setRemoving(t)}
                >
                  Remove
                </GatedButton>
              </span>
            </li>
          ))}
        </ul>
      )}
      {editing && (
        <TransportDialog
          device={device}
          transport={editing === 'new' ? null : editing}
          taken={taken}
          onClose={() => setEditing(null)}
        />
      )}
      {removing && (
        <Confirm
          title={`Remove ${protocolNames[removing.ingestion_protocol]}?`}
          action="Remove transport"
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(removing)}
          onClose={() => {
            remove.reset();
            setRemoving(null);
          }}
        >
          <p>
            {removing.is_primary
              ? 'It is the primary one: the oldest of the others takes its place.'
              : 'Its settings go with it.'}{' '}
            Messages are taken as before.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
