// A message, tried on all routes as it is typed. Nothing is sent.
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { routes } from '@/api/routes';
import { many } from '@/lib/numbers';
import { AreaField, TextField } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Failure } from '@/ui/states';
import { objectOf } from './form';
import { routesKey } from './queries';

export function Tester() {
  const [topic, setTopic] = useState('tenant/demo/device/sensor-1/telemetry');
  const [source, setSource] = useState('{"metrics": {"temperature": 85}}');
  const asked = useDeferredValue(`${topic}\n${source}`);
  const payload = objectOf(source);
  const verdicts = useQuery({
    queryKey: [...routesKey, 'match', asked],
    queryFn: () => routes.match(topic, payload ?? {}),
    enabled: payload !== undefined && topic.trim() !== '',
    placeholderData: (before) => before,
  });
  return (
    <Panel
      title="Try a message"
      aside={verdicts.data && <span role="status">{many(verdicts.data.matched, 'route')} would take it</span>}
    >
      <div className="grid gap-3 p-3 lg:grid-cols-2">
        <div className="flex flex-col gap-3">
          <TextField label="Topic" mono value={topic} onChange={(e) => setTopic(e.target.value)} />
          <AreaField
            label="Payload"
            mono
            rows={5}
            value={source}
            onChange={setSource}
            fault={payload === undefined ? 'This is no JSON object.' : undefined}
            help="Nothing is sent."
          />
        </div>
        {verdicts.error ? (
          <Failure error={verdicts.error} what="The verdicts" retry={() => void verdicts.refetch()} />
        ) : (
          <ul aria-label="Verdicts" className="min-w-0">
            {verdicts.data?.routes.map((r) => (
              <li key={r.route_id} data-matches={r.matches} className="border-b py-1.5 last:border-b-0">
                <span className={r.matches ? 'text-online' : 'text-ink-2'}>
                  {r.matches ? '✓' : '✕'} {r.name}
                </span>
                {r.reasons.map((reason) => (
                  <p key={reason} className="text-12 break-words text-ink-2">
                    {reason}
                  </p>
                ))}
              </li>
            ))}
            {verdicts.data?.routes.length === 0 && <li className="text-ink-2">There is no route yet.</li>}
          </ul>
        )}
      </div>
    </Panel>
  );
}
