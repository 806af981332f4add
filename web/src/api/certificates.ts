// The endpoints about certificates of devices, one function each.
import { answer, client } from './client';

const base = '/api/v1/customer' as const;

export type CertificateStatus = 'ACTIVE' | 'REVOKED' | 'EXPIRED';

export interface Certificate {
  id: number;
  tenant_id: string;
  device_id: string;
  fingerprint_sha256: string;
  common_name: string;
  issuer: string;
  serial_number: string;
  status: CertificateStatus;
  not_before: string;
  not_after: string;
  revoked_at?: string | null;
  revoked_reason?: string | null;
  created_at: string;
  expires_in_days?: number | null;
  /** Replaced by another: works until then. */
  scheduled_revoke_at?: string | null;
  last_used_at?: string | null;
}

export interface CertificatePage {
  certificates: Certificate[];
  total: number;
}

/** What a device needs: the private key is there only when Pulse made it, and only this once. */
export interface IssuedFiles {
  cert_pem: string;
  ca_cert_pem: string;
  private_key_pem?: string;
}

export interface Authority {
  ca_id: string;
  name: string;
  subject: string;
  fingerprint_sha256: string;
  not_before: string;
  not_after: string;
  created_at: string;
  created_by: string;
  active_certificates: number;
}

export type KeyType = 'ec-p256' | 'rsa-2048';

const device = (device_id: string) => ({ params: { path: { device_id } } });

export const certificatesApi = {
  list: (
    query: { device_id?: string; status?: CertificateStatus },
    limit: number,
    offset: number,
  ) =>
    answer<CertificatePage>(
      client.GET(`${base}/certificates`, { params: { query: { ...query, limit, offset } } }),
    ),
  generate: (id: string, validity_days: number, key_type: KeyType) =>
    answer<IssuedFiles>(
      client.POST(`${base}/devices/{device_id}/certificates/generate`, {
        ...device(id),
        body: { validity_days, key_type },
      }),
    ),
  /** `hours`: how long the earlier ones still work; null: they end at once. */
  rotate: (id: string, validity_days: number, key_type: KeyType, hours: number | null) =>
    answer<IssuedFiles>(
      client.POST(`${base}/devices/{device_id}/certificates/rotate`, {
        ...device(id),
        body: { validity_days, key_type, revoke_old_after_hours: hours },
      }),
    ),
  /** `hours`: how long the earlier ones still work; null: they stay as they are. */
  sign: (id: string, csr_pem: string, validity_days: number, hours: number | null) =>
    answer<IssuedFiles>(
      client.POST(`${base}/devices/{device_id}/certificates/csr`, {
        ...device(id),
        body: { csr_pem, validity_days, revoke_old_after_hours: hours },
      }),
    ),
  upload: (device_id: string, cert_pem: string) =>
    answer<Certificate>(client.POST(`${base}/certificates`, { body: { device_id, cert_pem } })),
  revoke: (cert_id: number, reason: string) =>
    answer<unknown>(
      client.POST(`${base}/certificates/{cert_id}/revoke`, {
        params: { path: { cert_id } },
        body: { reason },
      }),
    ),
  /** Of all tenants, for platform staff. */
  ofAll: (query: { tenant_id?: string; status?: CertificateStatus }, limit: number) =>
    answer<CertificatePage>(
      client.GET('/api/v1/operator/certificates', { params: { query: { ...query, limit } } }),
    ),
  authorities: () =>
    answer<{ certificate_authorities: Authority[] }>(
      client.GET(`${base}/certificate-authorities`),
    ).then((r) => r.certificate_authorities),
  challenge: () =>
    answer<{ nonce: string; expires_at: string }>(
      client.POST(`${base}/certificate-authorities/challenges`),
    ),
  addAuthority: (body: { name: string; ca_cert_pem: string; verification_cert_pem: string }) =>
    answer<Authority>(client.POST(`${base}/certificate-authorities`, { body })),
  removeAuthority: (ca_id: string) =>
    answer<{ revoked_certificates: number }>(
      client.DELETE(`${base}/certificate-authorities/{ca_id}`, { params: { path: { ca_id } } }),
    ),
};
