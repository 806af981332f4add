import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader } from '@/ui/page';
import { useTitle } from '@/ui/time';
import { AuthoritiesPanel } from './authorities-panel';
import { useCertificates } from './queries';
import { StatusList } from './status-list';

/** Certificates of all devices, and the organization's own CAs. */
export default function CertificatesPage() {
  useTitle('Certificates');
  return (
    <>
      <PageHeader title="Certificates" actions={<CopyCall path={callPath('/certificates')} />} />
      <div className="flex flex-col gap-4">
        <AuthoritiesPanel />
        <StatusList
          useList={useCertificates}
          deviceOf={(c) => (
            <Link
              to={`/devices/${encodeURIComponent(c.device_id)}?tab=certificates`}
              className="font-medium hover:underline"
            >
              {c.device_id}
            </Link>
          )}
          hint={
            <>
              A certificate is issued or registered on its device's page, at <em>Certificates</em>.
            </>
          }
        />
      </div>
    </>
  );
}
