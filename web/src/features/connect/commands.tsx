import type { Credentials } from '@/api/types';
import { useSession } from '@/auth/session';
import { curlLine, mosquittoLine, type CommandFacts } from '@/lib/commands';
import { CodeBlock } from '@/ui/copy';
import { Failure, Skeleton } from '@/ui/states';
import { useConnectionInfo } from './credentials';

export const sampleMetrics = { temp_c: -18.4, battery_pct: 81 };

/**
 * The two commands for a device. Without credentials the password is a shell variable, so that
 * the line still works for who has it.
 */
export function Commands({
  device,
  site,
  credentials,
}: {
  device: string;
  site: string | null;
  credentials: Credentials | null;
}) {
  const { tenant } = useSession();
  const info = useConnectionInfo();
  if (info.error)
    return (
      <Failure
        error={info.error}
        what="The connection's addresses"
        retry={() => void info.refetch()}
      />
    );
  if (!info.data) return <Skeleton className="h-40" />;
  const facts: CommandFacts = {
    connection: info.data,
    tenant,
    device,
    site,
    clientId: credentials?.client_id ?? `${tenant.slice(0, 8)}-${device.slice(0, 8)}-test`,
    password: credentials?.password ?? 'DEVICE_PASSWORD',
    metrics: sampleMetrics,
  };
  return (
    <div className="flex flex-col gap-3">
      <CodeBlock label="HTTP with curl" text={curlLine(facts)} />
      <CodeBlock label="MQTT 5 with mosquitto_pub" text={mosquittoLine(facts)} />
    </div>
  );
}
