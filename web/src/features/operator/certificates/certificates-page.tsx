import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { certificatesApi, type CertificateStatus } from '@/api/certificates';
import { operatorPath } from '@/api/operator';
import { Choice } from '@/features/audit/filters';
import { StatusList } from '@/features/certificates/status-list';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader } from '@/ui/page';
import { useTitle } from '@/ui/time';
import { tenantLink } from '../links';
import { operatorKeys, useTenants } from '../queries';
import { useStaffPolling } from '../staff';

/** Certificates of all tenants' devices. */
export default function OperatorCertificatesPage() {
  useTitle('Certificates');
  const { get, set } = useUrl();
  const tenant = get('tenant');
  const tenants = useTenants();
  const refetchInterval = useStaffPolling();
  const useAll = (status: CertificateStatus | undefined, limit: number) =>
    useQuery({
      queryKey: [...operatorKeys.all, 'certificates', tenant, status, limit],
      queryFn: () =>
        certificatesApi.ofAll(
          { ...(tenant ? { tenant_id: tenant } : {}), ...(status ? { status } : {}) },
          limit,
        ),
      placeholderData: keepPreviousData,
      refetchInterval,
    });
  return (
    <>
      <PageHeader
        title="Certificates"
        actions={<CopyCall path={operatorPath('/certificates', { tenant_id: tenant ?? undefined })} />}
      />
      <StatusList
        useList={useAll}
        filter={
          <Choice
            label="Tenant"
            none="All tenants"
            value={tenant}
            options={(tenants.data ?? []).map((t) => [t.tenant_id, t.name])}
            onChange={(t) => set({ tenant: t })}
          />
        }
        deviceOf={(c) => (
          <span className="min-w-0">
            <span className="font-medium">{c.device_id}</span>{' '}
            <Link to={tenantLink(c.tenant_id)} className="text-ink-2 hover:underline">
              {c.tenant_id}
            </Link>
          </span>
        )}
        hint="Tenants issue and register certificates on the pages of their devices."
      />
    </>
  );
}
