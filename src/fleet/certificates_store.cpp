#include "fleet/certificates.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

const std::string& certificate_columns() {
  static const std::string columns = R"sql(
  c.id, c.tenant_id, c.device_id, c.fingerprint_sha256, c.common_name, c.issuer, c.serial_number,
  c.status, c.not_before, c.not_after, c.revoked_at, c.revoked_reason, c.created_at, c.updated_at,
  CASE WHEN c.status = 'ACTIVE'
       THEN floor(extract(epoch FROM c.not_after - now()) / 86400)::bigint END AS expires_in_days,
  c.scheduled_revoke_at, c.last_used_at
)sql";
  return columns;
}

void check_certificate_status(const std::optional<std::string>& status) {
  if (status && *status != "ACTIVE" && *status != "REVOKED" && *status != "EXPIRED")
    throw bad_request("Invalid status filter");
}

Task<CertificateList> certificates_matching(tenancy::TenantDb db, CertificateQuery query) {
  check_certificate_status(query.status);
  pg::Clauses where(" AND ");
  if (query.device_id) where.add("c.device_id = ?", *query.device_id);
  if (query.status) where.add("c.status = ?", *query.status);
  const auto condition = where.where();
  const auto of_condition = where.params();
  const auto limit = where.parameter(query.limit), offset = where.parameter(query.offset);
  std::vector<pg::Statement> asked;
  asked.emplace_back("SELECT " + certificate_columns() + " FROM device_certificates c" + condition +
                         " ORDER BY c.created_at DESC, c.id DESC LIMIT " + limit +
                         "::bigint OFFSET " + offset + "::bigint",
                     where.params());
  asked.emplace_back("SELECT count(*) FROM device_certificates c" + condition, of_condition);
  const auto answers = co_await db.batch(std::move(asked));
  CertificateList out;
  out.certificates = pg::rows_as<DeviceCertificate>(answers[0]);
  out.total = answers[1].int64(0, 0);
  out.limit = query.limit;
  out.offset = query.offset;
  co_return out;
}

Task<std::optional<CertificateDetail>> find_certificate(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT " + certificate_columns() + ", c.cert_pem FROM device_certificates c WHERE c.id = $1",
      pg::Params::of(id));
  co_return pg::first_as<CertificateDetail>(rows);
}

namespace {

// The device's row is held, so that two who register at once count one after the other.
constexpr const char* hold_device = R"sql(
  SELECT (SELECT count(*) FROM device_certificates c
          WHERE c.tenant_id = r.tenant_id AND c.device_id = r.device_id AND c.status = 'ACTIVE')
  FROM device_registry r WHERE r.device_id = $1 AND r.status <> 'DELETED' FOR NO KEY UPDATE
)sql";

// One that ends before the overlap does keeps its earlier end.
constexpr const char* end_others = R"sql(
  UPDATE device_certificates SET updated_at = now(),
    status = CASE WHEN $2::boolean THEN 'REVOKED' ELSE status END,
    revoked_at = CASE WHEN $2::boolean THEN now() END,
    revoked_reason = CASE WHEN $2::boolean THEN 'rotated' END,
    scheduled_revoke_at = CASE WHEN $2::boolean THEN scheduled_revoke_at ELSE
      least(scheduled_revoke_at, now() + make_interval(hours => $3::integer)) END
  WHERE device_id = $1 AND status = 'ACTIVE'
  RETURNING id, fingerprint_sha256 AS fingerprint,
    CASE status WHEN 'ACTIVE' THEN 'ACTIVE (will remain active for grace period)' ELSE status END
      AS status,
    coalesce(revoked_at, scheduled_revoke_at) AS scheduled_revoke_at
)sql";

constexpr const char* add_certificate = R"sql(
  INSERT INTO device_certificates AS c (tenant_id, device_id, cert_pem, fingerprint_sha256,
    common_name, issuer, serial_number, not_before, not_after, authority_fingerprint)
  SELECT tenant_id, device_id, $2, $3, $4, $5, $6, to_timestamp($7::bigint),
         to_timestamp($8::bigint), $9
  FROM device_registry WHERE device_id = $1 AND status <> 'DELETED'
  ON CONFLICT (fingerprint_sha256) DO NOTHING RETURNING )sql";

}  // namespace

Task<Registered> register_certificate(tenancy::TenantDb db, NewCertificate certificate,
                                      std::optional<EndOfOthers> others) {
  const auto& f = certificate.facts;
  Registered out;
  auto tx = co_await db.begin();
  const auto held = co_await tx.query(hold_device, pg::Params::of(certificate.device_id));
  if (held.empty()) throw not_found("Device not found");
  auto active = held.int64(0, 0);
  if (others) {
    const auto ended = co_await tx.query(
        end_others, pg::Params::of(certificate.device_id, others->at_once, others->after_hours));
    out.replaced = pg::rows_as<ReplacedCertificate>(ended);
    if (others->at_once) active = 0;
  }
  if (active >= certificates_per_device)
    throw conflict("Device has " + std::to_string(certificates_per_device) +
                   " active certificates: revoke some first");
  if (certificate.by_tenant_ca) {
    const auto ca = co_await tx.query(
        "SELECT ca_id FROM device_cas WHERE fingerprint_sha256 = $1 FOR KEY SHARE",
        pg::Params::of(certificate.authority_fingerprint));
    if (ca.empty()) throw bad_request("Certificate issuer does not match trusted Device CA");
  }
  const auto rows = co_await tx.query(
      add_certificate + certificate_columns(),
      pg::Params::of(certificate.device_id, f.pem, f.fingerprint, f.common_name, f.issuer, f.serial,
                     f.not_before_s, f.not_after_s, certificate.authority_fingerprint));
  if (rows.empty()) throw conflict("Certificate already registered (duplicate fingerprint)");
  co_await tx.commit();
  out.certificate = pg::row_as<DeviceCertificate>(rows, 0);
  co_return out;
}

Task<std::optional<RevokedCertificate>> revoke_certificate(tenancy::TenantDb db, std::int64_t id,
                                                           std::string reason) {
  const auto rows = co_await db.query(
      "UPDATE device_certificates SET status = 'REVOKED', revoked_at = now(), updated_at = now(), "
      "revoked_reason = $2 WHERE id = $1 AND status = 'ACTIVE' "
      "RETURNING id, device_id, fingerprint_sha256, status, revoked_at",
      pg::Params::of(id, reason));
  co_return pg::first_as<RevokedCertificate>(rows);
}

Task<std::vector<CertificateAuthority>> tenant_authorities(tenancy::TenantDb db) {
  const auto rows = co_await db.query(R"sql(
    SELECT a.ca_id, a.name, a.subject, a.fingerprint_sha256, a.not_before, a.not_after,
           a.created_at, a.created_by,
           (SELECT count(*) FROM device_certificates c
            WHERE c.tenant_id = a.tenant_id AND c.status = 'ACTIVE'
              AND c.authority_fingerprint = a.fingerprint_sha256) AS active_certificates
    FROM device_cas a ORDER BY a.name, a.ca_id
  )sql");
  co_return pg::rows_as<CertificateAuthority>(rows);
}

Task<std::vector<crypto::Certificate>> trusted_authorities(tenancy::TenantDb db) {
  const auto rows = co_await db.query("SELECT cert_pem FROM device_cas");
  std::vector<crypto::Certificate> out;
  for (const auto& pem : pg::texts(rows))
    if (auto certificate = crypto::Certificate::from_pem(pem))
      out.push_back(std::move(*certificate));
  co_return out;
}

}  // namespace pulse::fleet
