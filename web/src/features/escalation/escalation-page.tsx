import { useState } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import { oncall, type Level, type Policy, type Schedule } from '@/api/oncall';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useEveryCurrent, useSchedules } from '@/features/oncall/queries';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { Removal } from '@/ui/removal';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { PolicyDialog } from './policy-dialog';
import { minutesWords } from './policy-form';
import { usePolicies, useRefreshPolicies } from './queries';

function Told({ level: l, schedules }: { level: Level; schedules: Schedule[] }) {
  const current = useEveryCurrent();
  const schedule = schedules.find((s) => s.schedule_id === l.oncall_schedule_id);
  const now = current.data?.find((c) => c.schedule_id === l.oncall_schedule_id);
  return (
    <ul className="min-w-0">
      {l.oncall_schedule_id !== null && (
        <li className="truncate">
          On call in{' '}
          <Link to={`/oncall?schedule=${l.oncall_schedule_id}`} className="font-medium hover:underline">
            {schedule?.name ?? 'a schedule'}
          </Link>
          {now && <span className="text-ink-2"> (now {now.responder || 'nobody'})</span>}
        </li>
      )}
      {l.notify_email && <li className="truncate">{l.notify_email}</li>}
      {l.notify_webhook && <li className="truncate font-mono text-12">{l.notify_webhook}</li>}
      {l.oncall_schedule_id === null && !l.notify_email && !l.notify_webhook && (
        <li className="text-critical">▲ Nobody is told</li>
      )}
    </ul>
  );
}

/** The levels as what happens after an alert was opened, with the time since then. */
function Steps({ policy: p, schedules }: { policy: Policy; schedules: Schedule[] }) {
  const after = p.levels.map((_, i) => p.levels.slice(0, i + 1).reduce((sum, l) => sum + l.delay_minutes, 0));
  return (
    <ol className="px-3 py-3">
      <li className="flex gap-3">
        <span className="num w-20 shrink-0 text-right text-12 text-ink-3">0 min</span>
        <span className="border-l-2 pb-3 pl-3">An alert is opened</span>
      </li>
      {p.levels.map((l, i) => (
        <li key={l.level_id} className="flex gap-3">
          <span className="num w-20 shrink-0 text-right text-12 text-ink-3">{minutesWords(after[i] ?? 0)}</span>
          <div className="min-w-0 border-l-2 pb-3 pl-3">
            <p className="font-medium">Level {l.level_number}</p>
            <Told level={l} schedules={schedules} />
          </div>
        </li>
      ))}
      <li className="flex gap-3 text-ink-2">
        <span className="w-20 shrink-0" />
        <span className="border-l-2 border-transparent pl-3">
          {p.levels.length === 0
            ? 'No levels: nobody is told.'
            : p.repeat_count === 0
              ? 'Then it stops.'
              : `Then again from level ${p.levels[0]?.level_number}, ${p.repeat_count === 1 ? 'once' : `${p.repeat_count} times`}.`}
        </span>
      </li>
    </ol>
  );
}

export default function EscalationPage() {
  useTitle('Escalation policies');
  const { params, set } = useUrl();
  const refresh = useRefreshPolicies();
  const policies = usePolicies();
  const schedules = useSchedules();
  const [editing, setEditing] = useState<Policy | null>(null);
  const [deleting, setDeleting] = useState<Policy | null>(null);
  const known = schedules.data ?? [];
  const add = (
    <GatedButton needs={needs.createPolicy} kind="primary" onClick={() => set({ new: '1' })}>
      New policy
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Escalation policies"
        facts={policies.data && <span>{many(policies.data.length, 'policy', 'policies')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/escalation-policies')} />
            {add}
          </>
        }
      />
      {policies.error && !policies.data ? (
        <div className="panel">
          <Failure error={policies.error} what="Policies" retry={() => void policies.refetch()} />
        </div>
      ) : policies.isPending ? (
        <div className="panel">
          <SkeletonRows rows={4} label="Loading policies" />
        </div>
      ) : policies.data.length === 0 ? (
        <div className="panel">
          <Empty title="No escalation policies yet" action={add}>
            A policy says who is told next while nobody acknowledges an alert: first the person on call, then
            their lead. Make one the default, and every alert follows it.
          </Empty>
        </div>
      ) : (
        <div className="grid items-start gap-3 lg:grid-cols-2">
          {policies.data.map((p) => (
            <Panel
              key={p.policy_id}
              title={p.name}
              aside={
                <>
                  {p.is_default && <Tag>default</Tag>}
                  <GatedButton needs={needs.editPolicy} small kind="quiet" onClick={() => setEditing(p)} aria-label={`Edit ${p.name}`}>
                    Edit
                  </GatedButton>
                  <GatedButton needs={needs.deletePolicy} small kind="quiet" onClick={() => setDeleting(p)} aria-label={`Delete ${p.name}`}>
                    Delete
                  </GatedButton>
                </>
              }
            >
              {p.description && <p className="border-b px-3 py-2 text-ink-2">{p.description}</p>}
              <Steps policy={p} schedules={known} />
            </Panel>
          ))}
        </div>
      )}
      {params.get('new') === '1' && (
        <PolicyDialog policy={null} schedules={known} onClose={() => set({ new: null })} />
      )}
      {editing && <PolicyDialog policy={editing} schedules={known} onClose={() => setEditing(null)} />}
      {deleting && (
        <Removal
          title={`Delete ${deleting.name}?`}
          action="Delete policy"
          run={() => oncall.removePolicy(deleting.policy_id)}
          onDone={refresh}
          onClose={() => setDeleting(null)}
        >
          <p>
            Alerts that follow it now escalate no further. Rules that name it fall back to the default policy. This
            can’t be undone.
          </p>
        </Removal>
      )}
    </>
  );
}
