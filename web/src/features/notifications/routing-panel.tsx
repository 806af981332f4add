import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { notifications, type RoutingRule } from '@/api/notifications';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { Panel, Tag } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { rulesKey, useChannels, useRules } from './queries';
import { RuleDialog } from './rule-dialog';
import { ruleInWords } from './rule-words';
import { Simulator } from './simulator';

type Asking = 'add' | { what: 'edit' | 'delete'; rule: RoutingRule } | null;

/** Which alerts are told where. */
export function RoutingPanel() {
  const queries = useQueryClient();
  const rules = useRules();
  const channels = useChannels();
  const [asking, setAsking] = useState<Asking>(null);
  const refresh = () => void queries.invalidateQueries({ queryKey: rulesKey });
  const turn = useMutation({
    mutationFn: ({ rule_id, ...rule }: RoutingRule) =>
      notifications.updateRule(rule_id, { ...rule, is_enabled: !rule.is_enabled }),
    onSuccess: () => {
      toast.success('Saved');
      refresh();
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
  const nameOf = (id: number) => channels.data?.find((c) => c.channel_id === id)?.name ?? `channel ${id}`;
  const add = (
    <GatedButton
      needs={needs.createRouting}
      kind="primary"
      disabled={!channels.data?.length}
      onClick={() => setAsking('add')}
    >
      Add rule
    </GatedButton>
  );
  const asked = asking === null || asking === 'add' ? null : asking;
  return (
    <>
      <Panel title="Routing" aside={rules.data && rules.data.length > 0 ? add : undefined}>
        {rules.error && !rules.data ? (
          <Failure error={rules.error} what="Routing rules" retry={() => void rules.refetch()} />
        ) : rules.isPending || channels.isPending ? (
          <SkeletonRows rows={3} label="Loading routing rules" />
        ) : rules.data.length === 0 ? (
          <Empty title="No alert goes anywhere yet" action={channels.data?.length ? add : undefined}>
            {channels.data?.length
              ? 'Add a rule that says which alerts are told to which channel.'
              : 'First add a channel on the tab Channels; rules then say which alerts are told there.'}
          </Empty>
        ) : (
          <ul>
            {rules.data.map((r) => (
              <li
                key={r.rule_id}
                data-routing={r.rule_id}
                className="grid gap-x-4 gap-y-2 border-b px-3 py-2.5 last:border-b-0 sm:grid-cols-[minmax(0,1fr)_auto]"
              >
                <div className="min-w-0">
                  <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
                    <span className="break-words">To {nameOf(r.channel_id)}</span>
                    <Tag>{`priority ${r.priority}`}</Tag>
                    {!r.is_enabled && <Tag>disabled</Tag>}
                  </h3>
                  <p className="break-words text-ink-2">{ruleInWords(r)}</p>
                </div>
                <div className="flex flex-wrap items-start gap-1.5">
                  <GatedButton needs={needs.editRouting} small onClick={() => setAsking({ what: 'edit', rule: r })}>
                    Edit
                  </GatedButton>
                  <GatedButton needs={needs.editRouting} small busy={turn.isPending} onClick={() => turn.mutate(r)}>
                    {r.is_enabled ? 'Disable' : 'Enable'}
                  </GatedButton>
                  <GatedButton
                    needs={needs.deleteRouting}
                    small
                    kind="danger"
                    onClick={() => setAsking({ what: 'delete', rule: r })}
                  >
                    Delete
                  </GatedButton>
                </div>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <Simulator />
      {(asking === 'add' || asked?.what === 'edit') && channels.data && (
        <RuleDialog rule={asked?.rule ?? null} channels={channels.data} onClose={() => setAsking(null)} />
      )}
      {asked?.what === 'delete' && (
        <Removal
          title={`Delete the rule to ${nameOf(asked.rule.channel_id)}?`}
          run={() => notifications.removeRule(asked.rule.rule_id)}
          told="The rule is deleted"
          onDone={refresh}
          onClose={() => setAsking(null)}
        >
          <p>{ruleInWords(asked.rule)}: it is no longer told there by this rule. This can’t be undone.</p>
        </Removal>
      )}
    </>
  );
}
