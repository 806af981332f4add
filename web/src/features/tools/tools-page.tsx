import type { ReactNode } from 'react';
import { callPath } from '@/api/customer';
import { useSession } from '@/auth/session';
import { useConnectionInfo, useCredentials } from '@/features/connect/credentials';
import { DeviceChoice, useDeviceChoice } from '@/features/connect/device-choice';
import { Languages } from '@/features/connect/languages';
import { ButtonLink } from '@/ui/button';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[8.5rem_minmax(0,1fr)] items-center gap-3 border-b px-3 py-1.5 last:border-b-0">
      <dt className="text-ink-2">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}

/** How devices connect: addresses, topics, answers. */
export default function ToolsPage() {
  useTitle('Tools');
  const { tenant } = useSession();
  const info = useConnectionInfo();
  const choice = useDeviceChoice();
  const device = choice.device ?? null;
  const credentials = useCredentials(device?.device_id ?? null);
  const c = info.data;
  return (
    <>
      <PageHeader
        title="How devices connect"
        actions={
          <>
            <CopyCall path={callPath('/connection-info')} />
            <ButtonLink to="/fleet/mqtt-client">MQTT test client</ButtonLink>
          </>
        }
      />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Panel title="Addresses">
          {info.error ? (
            <Failure error={info.error} what="Addresses" retry={() => void info.refetch()} />
          ) : !c ? (
            <Skeleton className="m-3 h-40" />
          ) : (
            <dl>
              <Fact name="HTTP">
                <CopyValue text={c.http_url} name="HTTP address" />
              </Fact>
              <Fact name="MQTT">
                <CopyValue text={`mqtt://${c.mqtt_host}:${c.mqtt_port}`} name="MQTT address" />
              </Fact>
              {c.mqtt_tls_port !== null && (
                <Fact name="MQTT over TLS">
                  <CopyValue
                    text={`mqtts://${c.mqtt_host}:${c.mqtt_tls_port}`}
                    name="MQTT TLS address"
                  />
                </Fact>
              )}
              <Fact name="MQTT by WebSocket">
                <CopyValue text={c.ws_url} name="WebSocket address" />
              </Fact>
              <Fact name="User name">
                <CopyValue text={`${tenant}/DEVICE`} name="user name" />
              </Fact>
              <Fact name="Password">the device's token, the same everywhere</Fact>
              <Fact name="Telemetry topic">
                <CopyValue text={`tenant/${tenant}/device/DEVICE/telemetry`} name="telemetry topic" />
              </Fact>
              <Fact name="Heartbeat topic">
                <CopyValue text={`tenant/${tenant}/device/DEVICE/heartbeat`} name="heartbeat topic" />
              </Fact>
            </dl>
          )}
        </Panel>
        <Panel title="What the answers mean">
          <dl>
            <Fact name="202, PUBACK 0">Durable: safe to forget on the device.</Fact>
            <Fact name="No PUBACK, 503">Not taken. Keep the message and send it again.</Fact>
            <Fact name="401">The token is wrong or revoked.</Fact>
            <Fact name="403">The device is decommissioned, or its subscription ended.</Fact>
            <Fact name="429">Too fast. Wait as long as Retry-After says.</Fact>
            <Fact name="422, 400">The answer names the field; the message will never be taken.</Fact>
          </dl>
        </Panel>
        <Panel title="Try it" className="lg:col-span-2">
          <div className="flex flex-col gap-3 p-3">
            {device ? (
              <>
                <DeviceChoice device={device} devices={choice.devices} choose={choice.choose} />
                <Languages
                  key={device.device_id}
                  device={device.device_id}
                  site={device.site_id}
                  state={device.state}
                  credentials={credentials}
                />
              </>
            ) : (
              <p className="text-ink-2">
                With a first device, the commands for it stand here.
              </p>
            )}
            <div className="flex gap-2">
              {device ? (
                <ButtonLink to={`/devices/${encodeURIComponent(device.device_id)}?tab=connect`}>
                  Credentials of {device.device_id}
                </ButtonLink>
              ) : (
                <ButtonLink kind="primary" to="/devices?new=1">
                  Add a device
                </ButtonLink>
              )}
            </div>
          </div>
        </Panel>
      </div>
    </>
  );
}
