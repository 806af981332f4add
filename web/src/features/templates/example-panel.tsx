import type { TemplateDetail } from '@/api/templates';
import { useSession } from '@/auth/session';
import { useConnectionInfo } from '@/features/connect/credentials';
import { curlLine, mosquittoLine } from '@/lib/commands';
import { CodeBlock } from '@/ui/copy';
import { Panel } from '@/ui/page';
import { exampleMetrics, taken } from './example';

/** What a device of this template sends: as JSON and as commands. */
export function ExamplePanel({ template: t }: { template: TemplateDetail }) {
  const { tenant } = useSession();
  const info = useConnectionInfo();
  const metrics = exampleMetrics(t.metrics);
  const facts = info.data && {
    connection: info.data,
    tenant,
    device: 'DEVICE_ID',
    site: null,
    clientId: `${tenant.slice(0, 8)}-test`,
    password: 'DEVICE_PASSWORD',
    metrics,
  };
  return (
    <Panel title="Example message">
      {t.metrics.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">It grows with the metrics.</p>
      ) : (
        <div className="flex flex-col gap-3 p-3">
          <CodeBlock label="JSON" text={JSON.stringify({ metrics }, null, 2)} />
          {facts && <CodeBlock label="HTTP with curl" text={curlLine(facts)} />}
          {facts && <CodeBlock label="MQTT 5 with mosquitto_pub" text={mosquittoLine(facts)} />}
          <dl className="text-12">
            {t.metrics.map((m) => (
              <div key={m.id} className="flex justify-between gap-3 py-0.5">
                <dt className="font-mono text-ink-2">{m.metric_key}</dt>
                <dd className="text-right text-ink-2">{taken(m)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </Panel>
  );
}
