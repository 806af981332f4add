import { useState } from 'react';
import type { Device } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { Commands } from '@/features/connect/commands';
import { CredentialsBox, useCredentials } from '@/features/connect/credentials';
import { ButtonLink } from '@/ui/button';
import { LabelPanel } from '@/features/connect/label';
import { Panel } from '@/ui/page';
import { MessageLog } from './message-log';
import { useTokens } from './queries';
import { RotateDialog, Tokens } from './tokens';

/** Commands that work as printed, the credentials, and what arrives. */
export default function ConnectTab({ device }: { device: Device }) {
  const id = device.device_id;
  const credentials = useCredentials(id);
  const tokens = useTokens(id);
  const [making, setMaking] = useState(false);
  const live = (tokens.data ?? []).some((t) => t.revoked_at === null);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
      <Panel title="Send a first message">
        <div className="flex flex-col gap-3 p-3">
          {credentials ? (
            <CredentialsBox credentials={credentials} />
          ) : (
            <div className="flex flex-wrap items-center justify-between gap-3 rounded-m bg-info-soft px-3 py-2">
              <p className="min-w-0 text-info">
                <span aria-hidden="true">● </span>
                Passwords are stored hashed, so an earlier one can't be shown. Put yours in place of
                DEVICE_PASSWORD, or make new credentials and the commands are complete.
              </p>
              <GatedButton needs={needs.rotateToken} onClick={() => setMaking(true)}>
                Make new credentials
              </GatedButton>
            </div>
          )}
          <Commands
            device={id}
            site={device.site_id}
            state={device.state}
            credentials={credentials}
          />
          <div className="flex flex-wrap gap-2">
            <ButtonLink to={`/fleet/tools?device=${encodeURIComponent(id)}`}>
              Python, Node, Arduino
            </ButtonLink>
            <ButtonLink to={`/fleet/mqtt-client?device=${encodeURIComponent(id)}`}>
              MQTT test client
            </ButtonLink>
          </div>
        </div>
      </Panel>
      <div className="flex min-w-0 flex-col gap-4">
        <Tokens device={id} />
        <LabelPanel device={id} />
        <MessageLog device={id} />
      </div>
      {making && <RotateDialog device={id} hasLive={live} onClose={() => setMaking(false)} />}
    </div>
  );
}
