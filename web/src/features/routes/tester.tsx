// A message, tried on all routes as it is typed. Nothing is sent before somebody says so.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { routes, type RouteVerdict } from '@/api/routes';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useSession } from '@/auth/session';
import { many } from '@/lib/numbers';
import { useSettled } from '@/lib/use-settled';
import { AreaField, TextField } from '@/ui/field';
import { Panel, Tag } from '@/ui/page';
import { Failure } from '@/ui/states';
import { pastedOf } from './form';
import { routesKey } from './queries';
import { useTest } from './use-test';

/** Of those that don't take it so many are listed: the ones that do are never left out. */
const mostOthers = 50;

function Verdict({
  verdict: r,
  message,
}: {
  verdict: RouteVerdict;
  message: { topic: string; payload: Record<string, unknown> };
}) {
  const test = useTest();
  return (
    <li
      data-verdict={r.name}
      data-matches={r.matches}
      className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 border-b py-1.5 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className={r.matches ? 'text-online' : 'text-ink-2'}>
            {r.matches ? '✓' : '✕'} {r.name}
          </span>
          {!r.is_enabled && <Tag>disabled</Tag>}
        </p>
        {r.reasons.map((reason) => (
          <p key={reason} className="text-12 break-words text-ink-2">
            {reason}
          </p>
        ))}
      </div>
      <GatedButton
        needs={needs.testRoute}
        small
        kind="quiet"
        busy={test.isPending}
        aria-label={`Send it to ${r.name}`}
        title="To its destination, whether the route takes it or not"
        onClick={() => test.mutate({ id: r.route_id, name: r.name, message })}
      >
        Send it
      </GatedButton>
    </li>
  );
}

export function Tester() {
  const { tenant } = useSession();
  const [topic, setTopic] = useState(`tenant/${tenant}/device/sensor-1/telemetry`);
  const [source, setSource] = useState('{"metrics": {"temperature": 85}}');
  const typed = pastedOf(source);
  const asked = useSettled(typed && { topic: typed.topic ?? topic.trim(), payload: typed.payload }, 250);
  const verdicts = useQuery({
    queryKey: [...routesKey, 'match', asked],
    queryFn: () => routes.match(asked!.topic, asked!.payload),
    enabled: asked !== null && asked.topic !== '',
    placeholderData: (before) => before,
  });
  const taken = verdicts.data?.routes.filter((r) => r.matches) ?? [];
  const others = verdicts.data?.routes.filter((r) => !r.matches) ?? [];
  return (
    <Panel
      title="Try a message"
      aside={verdicts.data && <span role="status">{many(verdicts.data.matched, 'route')} would take it</span>}
    >
      <div className="grid gap-3 p-3 lg:grid-cols-2">
        <div className="flex flex-col gap-3">
          <TextField
            label="Topic"
            mono
            value={topic}
            onChange={(e) => setTopic(e.target.value)}
            help={typed?.topic === undefined ? undefined : `The pasted message names its own: ${typed.topic}`}
          />
          <AreaField
            label="Payload"
            mono
            rows={6}
            value={source}
            onChange={setSource}
            fault={typed === null ? 'This is no JSON object.' : undefined}
            help='Paste what a device sends, or {"topic": …, "payload": …}. Nothing is sent before “Send it” is pressed.'
          />
        </div>
        {verdicts.error && !verdicts.data ? (
          <Failure error={verdicts.error} what="The verdicts" retry={() => void verdicts.refetch()} />
        ) : (
          asked && (
            <ul aria-label="Verdicts" className="max-h-96 min-w-0 overflow-y-auto">
              {[...taken, ...others.slice(0, mostOthers)].map((r) => (
                <Verdict key={r.route_id} verdict={r} message={asked} />
              ))}
              {others.length > mostOthers && (
                <li className="py-1.5 text-ink-2">{many(others.length - mostOthers, 'more route')} would not.</li>
              )}
              {verdicts.data?.routes.length === 0 && <li className="text-ink-2">There is no route yet.</li>}
            </ul>
          )
        )}
      </div>
    </Panel>
  );
}
