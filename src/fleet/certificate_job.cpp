#include "fleet/certificate_job.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include "fleet/device_auth.hpp"
#include "platform/log.hpp"

namespace pulse::fleet {

namespace {

constexpr const char* end_due = R"sql(
  WITH due AS (
    SELECT id FROM device_certificates
    WHERE status = 'ACTIVE' AND (not_after <= now() OR scheduled_revoke_at <= now())
    ORDER BY id LIMIT 10000 FOR NO KEY UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE device_certificates c SET updated_at = now(),
      status = CASE WHEN c.not_after <= now() THEN 'EXPIRED' ELSE 'REVOKED' END,
      revoked_at = CASE WHEN c.not_after <= now() THEN c.revoked_at ELSE now() END,
      revoked_reason = CASE WHEN c.not_after <= now() THEN c.revoked_reason ELSE 'rotated' END
    FROM due WHERE c.id = due.id
    RETURNING c.id, c.tenant_id, c.device_id, c.status, c.fingerprint_sha256
  ), audit AS (
    INSERT INTO audit_log (tenant_id, event_type, category, severity, entity_type, entity_id,
      entity_name, action, message, details, source_service)
    SELECT tenant_id, 'certificate.' || lower(status), 'device', 'warning', 'device', device_id,
      device_id, lower(status), 'A certificate of device ' || device_id || CASE status
        WHEN 'EXPIRED' THEN ' has expired' ELSE ' was revoked: its replacement took over' END,
      jsonb_build_object('certificate_id', id, 'fingerprint_sha256', fingerprint_sha256), 'ops'
    FROM ended
  )
  SELECT DISTINCT tenant_id, device_id FROM ended
)sql";

constexpr const char* warn_of_expiry = R"sql(
  WITH due AS (
    SELECT id FROM device_certificates
    WHERE status = 'ACTIVE' AND expiry_warned_at IS NULL AND scheduled_revoke_at IS NULL
      AND not_after < now() + interval '30 days'
    ORDER BY id LIMIT 10000 FOR NO KEY UPDATE SKIP LOCKED
  ), warned AS (
    UPDATE device_certificates c SET expiry_warned_at = now() FROM due WHERE c.id = due.id
    RETURNING c.id, c.tenant_id, c.device_id, c.fingerprint_sha256, c.not_after
  )
  INSERT INTO audit_log (tenant_id, event_type, category, severity, entity_type, entity_id,
    entity_name, action, message, details, source_service)
  SELECT tenant_id, 'certificate.expiring', 'device', 'warning', 'device', device_id, device_id,
    'expiring', 'A certificate of device ' || device_id || ' expires on '
      || to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
    jsonb_build_object('certificate_id', id, 'fingerprint_sha256', fingerprint_sha256,
      'not_after', not_after), 'ops'
  FROM warned
)sql";

constexpr const char* list_is_due = R"sql(
  SELECT EXISTS (SELECT FROM device_certificates
                 WHERE authority_fingerprint = $1 AND status = 'REVOKED' AND listed_at IS NULL)
      OR NOT EXISTS (SELECT FROM device_crls
                     WHERE authority_fingerprint = $1 AND this_update > now() - interval '1 hour')
)sql";

constexpr const char* to_be_listed = R"sql(
  SELECT id, serial_number, extract(epoch FROM revoked_at)::bigint
  FROM device_certificates
  WHERE authority_fingerprint = $1 AND status = 'REVOKED' AND not_after > now() - interval '1 day'
)sql";

constexpr const char* keep_list = R"sql(
  INSERT INTO device_crls (authority_fingerprint, crl_number, crl_pem, this_update, next_update)
  VALUES ($1, $2::bigint, $3, now(), now() + make_interval(secs => $4::bigint))
  ON CONFLICT (authority_fingerprint) DO UPDATE SET crl_number = excluded.crl_number,
    crl_pem = excluded.crl_pem, this_update = excluded.this_update,
    next_update = excluded.next_update
)sql";

// Also those that are no longer valid anyway, and so need no place in the list.
constexpr const char* mark_listed = R"sql(
  UPDATE device_certificates SET listed_at = now()
  WHERE authority_fingerprint = $1 AND status = 'REVOKED' AND listed_at IS NULL
    AND (id = ANY ($2::integer[]) OR not_after <= now() - interval '1 day')
)sql";

/// A new list, of what is revoked now. Only the job's leader comes here.
Task<> write_list(const crypto::Authority& authority, pg::Pool& pool) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto& fingerprint = authority.certificate().facts().fingerprint;
  auto tx = co_await pool.begin(scope);
  const auto number = co_await tx.query(
      "SELECT coalesce(max(crl_number), 0) + 1 FROM device_crls WHERE authority_fingerprint = $1",
      pg::Params::of(fingerprint));
  const auto rows = co_await tx.query(to_be_listed, pg::Params::of(fingerprint));
  std::vector<crypto::RevokedSerial> revoked;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < rows.rows(); ++i) {
    ids.push_back(rows.int64(i, 0));
    revoked.push_back({std::string(rows.text(i, 1)), rows.int64(i, 2)});
  }
  const auto pem =
      authority.revocation_list(revoked, number.int64(0, 0), CertificateJob::crl_valid_s);
  co_await tx.query(
      keep_list, pg::Params::of(fingerprint, number.int64(0, 0), pem, CertificateJob::crl_valid_s));
  co_await tx.query(mark_listed, pg::Params::of(fingerprint, ids));
  co_await tx.commit();
}

/// Whole or not at all: whoever reads the file meanwhile has the one before. Throws
/// std::runtime_error.
void replace_file(const std::string& file, std::string_view text) {
  const auto draft = file + ".new";
  std::ofstream out(draft, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error(draft + ": not written");
  std::filesystem::rename(draft, file);
}

Task<> keep_file(std::shared_ptr<CertificateJob> job, pg::Pool& pool, std::string fingerprint) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(
      scope, "SELECT crl_number, crl_pem FROM device_crls WHERE authority_fingerprint = $1",
      pg::Params::of(fingerprint));
  if (rows.empty() || rows.int64(0, 0) == job->written_number) co_return;
  replace_file(job->crl_file, rows.text(0, 1));
  job->written_number = rows.int64(0, 0);
}

}  // namespace

Task<> keep_certificates(std::shared_ptr<CertificateJob> job, pg::Pool& pool, nats::Client& nats) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto ended = co_await pool.query(scope, end_due);
  std::set<std::string> tenants;
  for (int i = 0; i < ended.rows(); ++i) {
    announce_change(nats, ended.text(i, 0), ended.text(i, 1));
    tenants.emplace(ended.text(i, 0));
  }
  for (const auto& tenant : tenants)
    nats.publish("live." + tenant, R"({"type":"changed","what":"certificates"})");
  const auto warned = co_await pool.query(scope, warn_of_expiry);
  if (ended.rows() > 0 || warned.affected() > 0)
    log::info("certificates looked after",
              {{"devices_ended", ended.rows()}, {"expiry_warnings", warned.affected()}});
  if (!job->device_ca) co_return;
  const auto& authority = job->device_ca->authority();
  const auto fingerprint = authority.certificate().facts().fingerprint;
  const auto due = co_await pool.query(scope, list_is_due, pg::Params::of(fingerprint));
  if (due.boolean(0, 0)) co_await write_list(authority, pool);
  if (!job->crl_file.empty()) co_await keep_file(job, pool, fingerprint);
}

}  // namespace pulse::fleet
