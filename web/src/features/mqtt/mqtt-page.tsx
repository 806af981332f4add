import { useEffect, useMemo, useState } from 'react';
import type { Device } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useSession } from '@/auth/session';
import { useConnectionInfo, useCredentials } from '@/features/connect/credentials';
import { DeviceChoice, useDeviceChoice } from '@/features/connect/device-choice';
import { sampleOf } from '@/features/connect/sample';
import { useTokens } from '@/features/device/queries';
import { RotateDialog } from '@/features/device/tokens';
import { cx } from '@/lib/cx';
import { Button, ButtonLink } from '@/ui/button';
import { AreaField, Segmented, SelectField, TextField } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { TestClient, type Entry, type State } from './client';

const kept = 200;
const marks: Record<Entry['kind'], [string, string]> = {
  in: ['←', 'text-online'],
  out: ['→', 'text-accent'],
  note: ['●', 'text-ink-3'],
  error: ['▲', 'text-critical'],
};
const kinds: Record<Entry['kind'], string> = {
  in: 'received',
  out: 'sent',
  note: 'note',
  error: 'error',
};

function Log({ entries }: { entries: Entry[] }) {
  if (entries.length === 0)
    return <p className="p-3 text-ink-2">Connect, and what is sent and received stands here.</p>;
  return (
    <div
      role="log"
      aria-label="Messages"
      tabIndex={0}
      className="max-h-[60dvh] overflow-auto font-mono text-12"
    >
      {entries.map((e) => (
        <div key={e.id} data-entry={e.kind} className="flex gap-2 border-b px-3 py-1.5 last:border-b-0">
          <span className={cx('shrink-0', marks[e.kind][1])}>
            <span aria-hidden="true">{marks[e.kind][0]}</span>
            <span className="sr-only">{kinds[e.kind]}</span>
          </span>
          <span className="shrink-0 text-ink-3">{e.at.slice(11, 19)}</span>
          <span className="min-w-0 flex-1 break-words">
            {e.topic && <span className="text-ink-2">{e.topic} </span>}
            {e.text}
          </span>
        </div>
      ))}
    </div>
  );
}

/** The broker where this page is served: the content security policy lets it go nowhere else. */
const here = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/mqtt`;

function Client({ device }: { device: Device }) {
  const { tenant } = useSession();
  const id = device.device_id;
  const credentials = useCredentials(id);
  const tokens = useTokens(id);
  const [password, setPassword] = useState('');
  const [making, setMaking] = useState(false);
  const [state, setState] = useState<State>('closed');
  const [entries, setEntries] = useState<Entry[]>([]);
  const base = `tenant/${tenant}/device/${id}`;
  const [kind, setKind] = useState('telemetry');
  const [payload, setPayload] = useState(() =>
    JSON.stringify({ metrics: sampleOf(device.state, undefined) }, null, 2),
  );
  const [qos, setQos] = useState('1');
  const open = useMemo(
    () =>
      new TestClient(setState, (e) => setEntries((old) => [e, ...old].slice(0, kept))),
    [],
  );
  useEffect(() => () => open.close(), [open]);
  const secret = password || credentials?.password || '';
  const live = (tokens.data ?? []).some((t) => t.revoked_at === null);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <Panel title="Connection">
          <form
            className="flex flex-col gap-3 p-3"
            onSubmit={(e) => {
              e.preventDefault();
              if (state !== 'closed') open.close();
              else
                open.open({
                  url: here(),
                  clientId: `web-${id.slice(0, 12)}-${Math.random().toString(16).slice(2, 10)}`,
                  username: `${tenant}/${id}`,
                  password: secret,
                  filters: [`${base}/commands`, `${base}/shadow/desired`, `${base}/jobs/notify`],
                });
            }}
          >
            <TextField label="User name" mono readOnly value={`${tenant}/${id}`} />
            <TextField
              label="Password"
              mono
              type="password"
              value={secret}
              onChange={(e) => setPassword(e.target.value)}
              help="The device's token. It stays in this window."
            />
            <div className="flex flex-wrap gap-2">
              <Button type="submit" kind="primary" busy={state === 'connecting'} disabled={secret === ''}>
                {state === 'connected' ? 'Disconnect' : 'Connect'}
              </Button>
              <GatedButton needs={needs.rotateToken} onClick={() => setMaking(true)}>
                Make new credentials
              </GatedButton>
            </div>
            <p role="status" className={state === 'connected' ? 'text-online' : 'text-ink-2'}>
              {state === 'connected'
                ? '● Connected'
                : state === 'connecting'
                  ? 'Connecting'
                  : 'Not connected. While this page is connected the device itself stays so, too.'}
            </p>
          </form>
        </Panel>
        <Panel title="Publish">
          <form
            className="flex flex-col gap-3 p-3"
            onSubmit={(e) => {
              e.preventDefault();
              open.publish(`${base}/${kind}`, payload, qos === '1' ? 1 : 0);
            }}
          >
            <SelectField
              label="Topic"
              value={kind}
              onChange={setKind}
              options={['telemetry', 'heartbeat', 'shadow/reported', 'commands/ack'].map((k) => ({
                value: k,
                label: `${base}/${k}`,
              }))}
            />
            <AreaField label="Payload" value={payload} onChange={setPayload} />
            <div className="flex flex-wrap items-center gap-3">
              <Segmented
                label="Quality of service"
                value={qos}
                onChange={setQos}
                options={[
                  { value: '0', label: 'QoS 0' },
                  { value: '1', label: 'QoS 1' },
                ]}
              />
              <Button type="submit" kind="primary" disabled={state !== 'connected'}>
                Publish
              </Button>
            </div>
          </form>
        </Panel>
      </div>
      <Panel
        title="Messages"
        aside={
          <Button small kind="quiet" onClick={() => setEntries([])}>
            Clear
          </Button>
        }
      >
        <Log entries={entries} />
      </Panel>
      {making && <RotateDialog device={id} hasLive={live} onClose={() => setMaking(false)} />}
    </div>
  );
}

/** Speaks MQTT as one of the devices, from the browser. */
export default function MqttPage() {
  useTitle('MQTT test client');
  const info = useConnectionInfo();
  const choice = useDeviceChoice();
  const { device } = choice;
  return (
    <>
      <PageHeader
        title="MQTT test client"
        facts={info.data && <span className="font-mono text-12">{info.data.ws_url}</span>}
      />
      {choice.error ? (
        <div className="panel">
          <Failure error={choice.error} what="Devices" retry={choice.retry} />
        </div>
      ) : choice.pending ? (
        <Skeleton className="h-60" />
      ) : !device ? (
        <div className="panel">
          <Empty
            title="No device to speak as"
            action={
              <ButtonLink kind="primary" to="/devices/wizard">
                Set up a device
              </ButtonLink>
            }
          >
            The client connects as one of your devices, with its credentials.
          </Empty>
        </div>
      ) : (
        <>
          <div className="mb-4">
            <DeviceChoice device={device} devices={choice.devices} choose={choice.choose} />
          </div>
          <Client key={device.device_id} device={device} />
        </>
      )}
    </>
  );
}
