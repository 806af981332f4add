#pragma once
// X.509 certificates of devices: which there are, and how they begin and end. Tables
// device_certificates, device_cas, device_ca_challenges, device_crls.
#include <optional>
#include <string>
#include <vector>

#include "fleet/deps.hpp"
#include "platform/crypto/x509.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// At most so many certificates of a device are active at a time.
inline constexpr int certificates_per_device = 20;

struct DeviceCertificate {
  std::int64_t id = 0;
  std::string tenant_id, device_id, fingerprint_sha256, common_name, issuer, serial_number, status;
  Time not_before, not_after;
  std::optional<Time> revoked_at;
  std::optional<std::string> revoked_reason;
  Time created_at, updated_at;
  std::optional<std::int64_t> expires_in_days;  ///< whole days; of active ones
  std::optional<Time> scheduled_revoke_at;      ///< replaced: works until then
  std::optional<Time> last_used_at;
};
BOOST_DESCRIBE_STRUCT(DeviceCertificate, (),
                      (id, tenant_id, device_id, fingerprint_sha256, common_name, issuer,
                       serial_number, status, not_before, not_after, revoked_at, revoked_reason,
                       created_at, updated_at, expires_in_days, scheduled_revoke_at, last_used_at))

struct CertificateDetail : DeviceCertificate {
  std::string cert_pem;
};
BOOST_DESCRIBE_STRUCT(CertificateDetail, (DeviceCertificate), (cert_pem))

struct CertificateQuery {
  std::optional<std::string> device_id, status;
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(CertificateQuery, (), (device_id, status, limit, offset))
inline auto constraints(json::As<CertificateQuery>) {
  return json::rules<CertificateQuery>()
      .range(&CertificateQuery::limit, 1, 1000)
      .range(&CertificateQuery::offset, 0, 10'000'000)
      .describe(&CertificateQuery::status, "ACTIVE, REVOKED or EXPIRED");
}

struct CertificateList {
  std::vector<DeviceCertificate> certificates;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(CertificateList, (), (certificates, total, limit, offset))

/// The columns of a DeviceCertificate, of device_certificates as `c`.
const std::string& certificate_columns();
/// Throws HttpError 400 "Invalid status filter".
void check_certificate_status(const std::optional<std::string>& status);
/// Newest first. Throws HttpError 400 for an unknown status.
Task<CertificateList> certificates_matching(tenancy::TenantDb db, CertificateQuery query);
Task<std::optional<CertificateDetail>> find_certificate(tenancy::TenantDb db, std::int64_t id);

/// A certificate that is registered, and the authority that it was verified against.
struct NewCertificate {
  std::string device_id;
  crypto::CertificateFacts facts;
  std::string authority_fingerprint;
  bool by_tenant_ca = false;  ///< one of device_cas
};
/// What becomes of the device's active certificates when it gets another one.
struct EndOfOthers {
  bool at_once = false;
  std::int64_t after_hours = 0;
};
/// One that was active when another came.
struct ReplacedCertificate {
  std::int64_t id = 0;
  std::string fingerprint, status;
  Time scheduled_revoke_at;
};
BOOST_DESCRIBE_STRUCT(ReplacedCertificate, (), (id, fingerprint, status, scheduled_revoke_at))
struct Registered {
  DeviceCertificate certificate;
  std::vector<ReplacedCertificate> replaced;
};
/// Throws HttpError 404 (device), 409 (fingerprint in use, too many active ones), 400 (the tenant's
/// CA went meanwhile).
Task<Registered> register_certificate(tenancy::TenantDb db, NewCertificate certificate,
                                      std::optional<EndOfOthers> others);

struct RevokedCertificate {
  std::int64_t id = 0;
  std::string device_id, fingerprint_sha256, status;
  Time revoked_at;
};
BOOST_DESCRIBE_STRUCT(RevokedCertificate, (),
                      (id, device_id, fingerprint_sha256, status, revoked_at))
/// Nothing: there is none, or it is not active.
Task<std::optional<RevokedCertificate>> revoke_certificate(tenancy::TenantDb db, std::int64_t id,
                                                           std::string reason);

/// An authority that the tenant brought along.
struct CertificateAuthority {
  std::string ca_id, name, subject, fingerprint_sha256;
  Time not_before, not_after, created_at;
  std::string created_by;
  std::int64_t active_certificates = 0;
};
BOOST_DESCRIBE_STRUCT(CertificateAuthority, (),
                      (ca_id, name, subject, fingerprint_sha256, not_before, not_after, created_at,
                       created_by, active_certificates))
Task<std::vector<CertificateAuthority>> tenant_authorities(tenancy::TenantDb db);
/// Their certificates.
Task<std::vector<crypto::Certificate>> trusted_authorities(tenancy::TenantDb db);

/// The platform's authority. Throws HttpError 503 "Device CA not configured".
const crypto::Authority& platform_authority(const FleetDeps& deps);

}  // namespace pulse::fleet
