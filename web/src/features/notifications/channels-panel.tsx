import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { notifications, type Channel } from '@/api/notifications';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useUrl } from '@/lib/use-url';
import { Panel, Tag } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { kindOf } from './channel-types';
import { ChannelDialog } from './channel-dialog';
import { channelsKey, rulesKey, useChannels } from './queries';

function Row({ channel: c, onEdit, onDelete }: { channel: Channel; onEdit: () => void; onDelete: () => void }) {
  const queries = useQueryClient();
  const test = useMutation({
    mutationFn: () => notifications.testChannel(c.channel_id),
    onSuccess: ({ delivery }) =>
      toast.success(
        `${c.name}: the test message was taken in ${delivery.latency_ms} ms${delivery.http_status ? ` (HTTP ${delivery.http_status})` : ''}`,
      ),
    onError: (error) => toast.error(asApiError(error).message),
  });
  const turn = useMutation({
    mutationFn: () =>
      notifications.updateChannel(c.channel_id, {
        name: c.name,
        channel_type: c.channel_type,
        config: c.config,
        max_per_minute: c.max_per_minute,
        is_enabled: !c.is_enabled,
      }),
    onSuccess: () => {
      toast.success(`${c.name} is ${c.is_enabled ? 'disabled: it is told nothing' : 'enabled'}`);
      void queries.invalidateQueries({ queryKey: channelsKey });
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  return (
    <li
      data-channel={c.name}
      className="grid gap-x-4 gap-y-2 border-b px-3 py-2.5 last:border-b-0 sm:grid-cols-[minmax(0,1fr)_auto]"
    >
      <div className="min-w-0">
        <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
          <span className="break-words">{c.name}</span>
          <Tag>{kindOf(c.channel_type).label}</Tag>
          {!c.is_enabled && <Tag>disabled</Tag>}
        </h3>
        <p className="text-12 text-ink-2">
          Up to {c.max_per_minute} messages a minute ·{' '}
          <Link className="text-accent underline" to={`/delivery-log?channel=${c.channel_id}`}>
            what it was told
          </Link>
        </p>
      </div>
      <div className="flex flex-wrap items-start gap-1.5">
        <GatedButton needs={needs.testChannel} small busy={test.isPending} onClick={() => test.mutate()}>
          Test
        </GatedButton>
        <GatedButton needs={needs.editChannel} small onClick={onEdit}>
          Edit
        </GatedButton>
        <GatedButton needs={needs.editChannel} small busy={turn.isPending} onClick={() => turn.mutate()}>
          {c.is_enabled ? 'Disable' : 'Enable'}
        </GatedButton>
        <GatedButton needs={needs.deleteChannel} small kind="danger" onClick={onDelete}>
          Delete
        </GatedButton>
      </div>
    </li>
  );
}

type Asking = { what: 'edit' | 'delete'; channel: Channel } | null;

/** Where alerts are told. */
export function ChannelsPanel() {
  const queries = useQueryClient();
  const list = useChannels();
  const { get, set } = useUrl();
  const [asking, setAsking] = useState<Asking>(null);
  const add = (
    <GatedButton needs={needs.createChannel} kind="primary" onClick={() => set({ new: '1' })}>
      Add channel
    </GatedButton>
  );
  return (
    <>
      <Panel title="Channels" aside={list.data && list.data.length > 0 ? add : undefined}>
        {list.error && !list.data ? (
          <Failure error={list.error} what="Channels" retry={() => void list.refetch()} />
        ) : list.isPending ? (
          <SkeletonRows rows={3} label="Loading channels" />
        ) : list.data.length === 0 ? (
          <Empty title="Nobody is told yet" action={add}>
            Add where alerts shall be told: Slack, Teams, PagerDuty, email, or a service of your own. Then
            say on the tab Routing which alerts go there.
          </Empty>
        ) : (
          <ul>
            {list.data.map((c) => (
              <Row
                key={c.channel_id}
                channel={c}
                onEdit={() => setAsking({ what: 'edit', channel: c })}
                onDelete={() => setAsking({ what: 'delete', channel: c })}
              />
            ))}
          </ul>
        )}
      </Panel>
      {get('new') === '1' && <ChannelDialog channel={null} onClose={() => set({ new: null })} />}
      {asking?.what === 'edit' && <ChannelDialog channel={asking.channel} onClose={() => setAsking(null)} />}
      {asking?.what === 'delete' && (
        <Removal
          title={`Delete ${asking.channel.name}?`}
          run={() => notifications.removeChannel(asking.channel.channel_id)}
          told="The channel is deleted"
          onDone={() => {
            void queries.invalidateQueries({ queryKey: channelsKey });
            void queries.invalidateQueries({ queryKey: rulesKey });
          }}
          onClose={() => setAsking(null)}
        >
          <p>Its routing rules and its part of the delivery log go with it. This can’t be undone.</p>
        </Removal>
      )}
    </>
  );
}
