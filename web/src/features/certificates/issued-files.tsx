import type { IssuedFiles } from '@/api/certificates';
import { useSession } from '@/auth/session';
import { useConnectionInfo } from '@/features/connect/credentials';
import { mosquittoCertificateLine } from '@/lib/commands';
import { download } from '@/lib/csv';
import { Button } from '@/ui/button';
import { CodeBlock } from '@/ui/copy';

const save = (name: string, text: string) => download(name, text, 'application/x-pem-file');

/** What was issued, to be saved: the private key this once. Then the line that tries it. */
export function Issued({
  device,
  files,
  onClose,
}: {
  device: string;
  files: IssuedFiles;
  onClose: () => void;
}) {
  const { tenant } = useSession();
  const info = useConnectionInfo();
  const key = files.private_key_pem;
  const parts: [string, string, string][] = [
    ...(key ? ([['Private key', `${device}.key`, key]] as [string, string, string][]) : []),
    ['Certificate', `${device}.pem`, files.cert_pem],
    ['CA', 'pulse-ca.pem', files.ca_cert_pem],
  ];
  return (
    <div className="flex flex-col gap-3">
      {key ? (
        <p className="rounded-m bg-warning-soft px-3 py-2 text-warning" role="note">
          <span aria-hidden="true">▲ </span>
          The private key is shown this once and stored nowhere: save it now. If it is lost, rotate.
        </p>
      ) : (
        <p className="text-ink-2">The private key stayed where the request was made.</p>
      )}
      <ul className="rounded-m border">
        {parts.map(([label, name, text]) => (
          <li
            key={name}
            className="flex items-center justify-between gap-3 border-b px-3 py-2 last:border-b-0"
          >
            <span className="min-w-0">
              {label} <code className="font-mono text-12 break-all text-ink-3">{name}</code>
            </span>
            <Button small onClick={() => save(name, text)} aria-label={`Save ${name}`}>
              Save
            </Button>
          </li>
        ))}
      </ul>
      <div>
        <Button onClick={() => parts.forEach(([, name, text]) => save(name, text))}>
          Save all {parts.length} files
        </Button>
      </div>
      {info.data?.mqtt_tls_port ? (
        <CodeBlock
          label="Try it with mosquitto_pub"
          text={mosquittoCertificateLine(info.data, tenant, device)}
        />
      ) : (
        <p className="text-ink-2">This server listens for no MQTT over TLS: set MQTT_TLS_PORT.</p>
      )}
      <div className="flex justify-end">
        <Button kind="primary" onClick={onClose}>
          {key ? 'I have saved them' : 'Done'}
        </Button>
      </div>
    </div>
  );
}
