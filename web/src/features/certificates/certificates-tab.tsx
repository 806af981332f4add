import { useState } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import type { Certificate } from '@/api/certificates';
import { GatedButton } from '@/auth/gated';
import { GatedItem } from '@/auth/gated-item';
import { needs } from '@/auth/needs';
import { useSession } from '@/auth/session';
import type { DeviceTabProps } from '@/features/device/tabs';
import { useConnectionInfo } from '@/features/connect/credentials';
import { mosquittoCertificateLine } from '@/lib/commands';
import { Button } from '@/ui/button';
import { CodeBlock } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { MoreIcon } from '@/ui/icons';
import { Menu } from '@/ui/menu';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { CertificateRow } from './certificate-row';
import { IssueDialog, type Way } from './issue-dialogs';
import { useDeviceCertificates } from './queries';
import { RevokeDialog } from './revoke-dialog';

/** The certificates of one device: those that work first, and how to connect by one. */
export default function CertificatesTab({ device: { device_id: device } }: DeviceTabProps) {
  const { tenant } = useSession();
  const certificates = useDeviceCertificates(device);
  const info = useConnectionInfo();
  const [way, setWay] = useState<Way | null>(null);
  const [revoking, setRevoking] = useState<Certificate | null>(null);
  const all = certificates.data?.certificates ?? [];
  const active = all.filter((c) => c.status === 'ACTIVE');
  const ended = all.filter((c) => c.status !== 'ACTIVE');
  const issue = (
    <GatedButton needs={needs.issueCertificate} small kind="primary" onClick={() => setWay('generate')}>
      Issue certificate
    </GatedButton>
  );
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
      <Panel
        title="Certificates"
        aside={
          <>
            <CopyCall path={callPath('/certificates', { device_id: device })} />
            {all.length > 0 && issue}
            <Menu
              trigger={
                <Button small aria-label="More ways to a certificate">
                  <MoreIcon />
                </Button>
              }
            >
              <GatedItem needs={needs.issueCertificate} onSelect={() => setWay('csr')}>
                Sign a request (CSR)
              </GatedItem>
              <GatedItem needs={needs.issueCertificate} onSelect={() => setWay('upload')}>
                Register one of your CA
              </GatedItem>
              {active.length > 0 && (
                <GatedItem needs={needs.issueCertificate} onSelect={() => setWay('rotate')}>
                  Rotate
                </GatedItem>
              )}
            </Menu>
          </>
        }
      >
        {certificates.error && !certificates.data ? (
          <Failure error={certificates.error} what="Certificates" retry={() => void certificates.refetch()} />
        ) : certificates.isPending ? (
          <SkeletonRows rows={3} label="Loading certificates" />
        ) : all.length === 0 ? (
          <Empty title="No certificate yet" action={issue}>
            By MQTT over TLS a device may prove who it is by a certificate instead of a password: its key
            stays with it, an end is set, and one certificate is revoked without touching the others.
          </Empty>
        ) : (
          <ul aria-label="Certificates">
            {[...active, ...ended].map((c) => (
              <CertificateRow
                key={c.id}
                certificate={c}
                action={
                  c.status === 'ACTIVE' && (
                    <GatedButton
                      needs={needs.revokeCertificate}
                      small
                      kind="danger"
                      onClick={() => setRevoking(c)}
                    >
                      Revoke
                    </GatedButton>
                  )
                }
              />
            ))}
          </ul>
        )}
      </Panel>
      <Panel title="Connect by certificate">
        <div className="flex flex-col gap-3 p-3 text-ink-2">
          {info.error ? (
            <Failure error={info.error} what="The connection's addresses" retry={() => void info.refetch()} />
          ) : info.data?.mqtt_tls_port ? (
            <CodeBlock
              label="MQTT with mosquitto_pub"
              text={mosquittoCertificateLine(info.data, tenant, device)}
            />
          ) : (
            info.data && <p>This server listens for no MQTT over TLS: set MQTT_TLS_PORT.</p>
          )}
          <p>
            No user name and no password: the certificate's CN is{' '}
            <code className="font-mono text-12 break-all">
              {tenant}/{device}
            </code>
            . Your own CAs are at{' '}
            <Link to="/settings/certificates" className="text-accent underline">
              Settings, Certificates
            </Link>
            .
          </p>
        </div>
      </Panel>
      {way && <IssueDialog way={way} device={device} tenant={tenant} onClose={() => setWay(null)} />}
      {revoking && <RevokeDialog certificate={revoking} onClose={() => setRevoking(null)} />}
    </div>
  );
}
