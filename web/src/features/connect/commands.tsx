import { useRef } from 'react';
import type { Credentials, Metrics } from '@/api/types';
import { useSession } from '@/auth/session';
import { useMetrics } from '@/features/device/queries';
import { curlLine, mosquittoLine, type CommandFacts } from '@/lib/commands';
import { CodeBlock } from '@/ui/copy';
import { Failure, Skeleton } from '@/ui/states';
import { useConnectionInfo } from './credentials';
import { sampleOf } from './sample';


/**
 * The two commands for a device. Without credentials the password is a shell variable, so that
 * the line still works for who has it.
 */
export function Commands({
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
    <div className="flex flex-col gap-3">
      <CodeBlock label="HTTP with curl" text={curlLine(facts)} />
      <CodeBlock label="MQTT 5 with mosquitto_pub" text={mosquittoLine(facts)} />
    </div>
  );
}
