import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { certificatesApi, type CertificateStatus } from '@/api/certificates';

const key = 'certificates';
const authoritiesKey = 'certificate-authorities';

/** All of a device's, the newest first; a device with more than a page of them is not shown whole. */
export function useDeviceCertificates(device: string) {
  return useQuery({
    queryKey: [key, 'device', device],
    queryFn: () => certificatesApi.list({ device_id: device }, 200, 0),
  });
}

export function useCertificates(status: CertificateStatus | undefined, limit: number) {
  return useQuery({
    queryKey: [key, 'all', status, limit],
    queryFn: () => certificatesApi.list(status ? { status } : {}, limit, 0),
    placeholderData: keepPreviousData,
  });
}

export function useAuthorities() {
  return useQuery({ queryKey: [authoritiesKey], queryFn: certificatesApi.authorities });
}

/** Certificates and authorities are asked anew. */
export function useRefreshCertificates() {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: [key] });
    void queries.invalidateQueries({ queryKey: [authoritiesKey] });
  };
}
