// A first message in the language of the person's choice, with real values.
import { useRef } from 'react';
import type { Credentials, Metrics } from '@/api/types';
import { useSession } from '@/auth/session';
import { useMetrics } from '@/features/device/queries';
import { curlLine, mosquittoLine, type CommandFacts } from '@/lib/commands';
import { arduinoCode, nodeCode, pythonCode } from '@/lib/device-code';
import { useStored } from '@/lib/use-stored';
import { CodeBlock } from '@/ui/copy';
import { Segmented } from '@/ui/field';
import { Failure, Skeleton } from '@/ui/states';
import { useConnectionInfo } from './credentials';
import { sampleOf } from './sample';

const languages: Record<string, { label: string; title: string; write: (f: CommandFacts) => string }> = {
  curl: { label: 'curl', title: 'HTTP with curl', write: curlLine },
  mosquitto: {
    label: 'mosquitto',
    title: 'MQTT 5 with mosquitto_pub',
    write: mosquittoLine,
  },
  python: { label: 'Python', title: 'Python with paho-mqtt', write: pythonCode },
  node: { label: 'Node', title: 'Node with MQTT.js', write: nodeCode },
  arduino: { label: 'Arduino', title: 'Arduino (ESP32) with MQTT', write: arduinoCode },
};

export function Languages({
  device,
  site,
  state,
  credentials,
}: {
  device: string;
  site: string | null;
  /** Its last values, which a trial message repeats. */
  state: Metrics | null | undefined;
  credentials: Credentials | null;
}) {
  // The values of the first look: a line must not change under the hand that copies it.
  const first = useRef(state);
  first.current ??= state;
  const { tenant } = useSession();
  const info = useConnectionInfo();
  const metrics = useMetrics(device);
  const [chosen, choose] = useStored('pulse.connect.language', 'curl');
  const language = languages[chosen] ?? languages.curl!;
  if (info.error)
    return (
      <Failure
        error={info.error}
        what="The connection's addresses"
        retry={() => void info.refetch()}
      />
    );
  if (!info.data || metrics.isPending) return <Skeleton className="h-40" />;
  const facts: CommandFacts = {
    connection: info.data,
    tenant,
    device,
    site,
    clientId: credentials?.client_id ?? `${tenant.slice(0, 8)}-${device.slice(0, 8)}-test`,
    password: credentials?.password ?? 'DEVICE_PASSWORD',
    metrics: sampleOf(first.current, metrics.data),
  };
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <Segmented
        label="Language"
        value={languages[chosen] ? chosen : 'curl'}
        onChange={choose}
        options={Object.entries(languages).map(([value, { label }]) => ({ value, label }))}
      />
      <CodeBlock label={language.title} text={language.write(facts)} />
    </div>
  );
}
