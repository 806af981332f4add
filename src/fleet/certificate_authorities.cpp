// Authorities that a tenant brings along: trusted once the tenant has proven to hold their key.
#include "fleet/certificates.hpp"
#include "fleet/mounts.hpp"
#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr std::int64_t authorities_per_tenant = 20;

struct CertificateAuthorityList {
  std::vector<CertificateAuthority> certificate_authorities;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(CertificateAuthorityList, (), (certificate_authorities, total))

struct CaChallenge {
  std::string nonce;
  Time expires_at;
};
BOOST_DESCRIBE_STRUCT(CaChallenge, (), (nonce, expires_at))

struct CaUpload {
  std::string name, ca_cert_pem, verification_cert_pem;
};
BOOST_DESCRIBE_STRUCT(CaUpload, (), (name, ca_cert_pem, verification_cert_pem))
inline auto constraints(json::As<CaUpload>) {
  return json::rules<CaUpload>()
      .length(&CaUpload::name, 1, 100)
      .length(&CaUpload::ca_cert_pem, 50, crypto::pem_bytes_max)
      .length(&CaUpload::verification_cert_pem, 50, crypto::pem_bytes_max)
      .describe(&CaUpload::verification_cert_pem,
                "Signed by that CA, with the challenge's nonce as its CN");
}

struct RemovedCa {
  std::string ca_id;
  std::int64_t revoked_certificates = 0;
};
BOOST_DESCRIBE_STRUCT(RemovedCa, (), (ca_id, revoked_certificates))

Task<CertificateAuthorityList> list_authorities(FleetDeps, TenantCaller caller) {
  CertificateAuthorityList out;
  out.certificate_authorities = co_await tenant_authorities(caller.db);
  out.total = static_cast<std::int64_t>(out.certificate_authorities.size());
  co_return out;
}

/// Old ones go, so that nobody fills the table.
constexpr const char* add_challenge = R"sql(
  WITH old AS (
    DELETE FROM device_ca_challenges WHERE expires_at <= now() OR nonce IN (
      SELECT nonce FROM device_ca_challenges ORDER BY created_at DESC OFFSET 19)
  )
  INSERT INTO device_ca_challenges (nonce, tenant_id, expires_at)
  VALUES ($1, $2, now() + interval '1 day') RETURNING nonce, expires_at
)sql";

Task<http::Created<CaChallenge>> challenge(FleetDeps d, TenantCaller caller) {
  const auto nonce = crypto::hex(crypto::random_bytes(16));
  const auto rows = co_await caller.db.query(add_challenge, pg::Params::of(nonce, caller.tenant()));
  auto made = pg::row_as<CaChallenge>(rows, 0);
  d.audit->write(AuditLog::of(caller, "certificate_authority.challenged", "create",
                              "certificate_authority", nonce,
                              "A proof was asked for, to trust a CA"));
  co_return http::Created<CaChallenge>{std::move(made)};
}

/// The CA and its proof, when they are what they must be. Throws HttpError 400.
struct Proof {
  crypto::CertificateFacts ca;
  std::string nonce;
};
Proof proof_of(const CaUpload& upload) {
  const auto ca = crypto::Certificate::from_pem(upload.ca_cert_pem);
  const auto proof = crypto::Certificate::from_pem(upload.verification_cert_pem);
  if (!ca || !proof) throw bad_request("Invalid PEM certificate");
  const auto& facts = ca->facts();
  if (!facts.is_authority)
    throw bad_request("Certificate is no CA's: basic constraints CA:TRUE, key usage keyCertSign");
  const auto now_s = now_ms() / 1000;
  if (now_s < facts.not_before_s) throw bad_request("Certificate not yet valid");
  if (now_s >= facts.not_after_s) throw bad_request("Certificate has expired");
  if (!facts.has_strong_key)
    throw bad_request("Certificate key must be RSA of 2048 to 8192 bits or EC P-256, P-384, P-521");
  if (!proof->is_signed_by(*ca))
    throw bad_request("Verification certificate not signed by this CA");
  return {facts, proof->facts().common_name};
}

constexpr const char* add_authority = R"sql(
  WITH used AS (
    DELETE FROM device_ca_challenges WHERE nonce = $1 AND expires_at > now() RETURNING tenant_id
  ), added AS (
    INSERT INTO device_cas (tenant_id, name, cert_pem, subject, fingerprint_sha256, not_before,
      not_after, created_by)
    SELECT tenant_id, $2, $3, $4, $5, to_timestamp($6::bigint), to_timestamp($7::bigint), $8
    FROM used WHERE (SELECT count(*) FROM device_cas) < $9
    ON CONFLICT (tenant_id, fingerprint_sha256) DO NOTHING
    RETURNING ca_id, name, subject, fingerprint_sha256, not_before, not_after, created_at,
      created_by, 0 AS active_certificates
  )
  SELECT a.*, EXISTS (SELECT FROM device_cas WHERE fingerprint_sha256 = $5) AS known
  FROM used LEFT JOIN added a ON true
)sql";

Task<http::Created<CertificateAuthority>> add_ca(FleetDeps d, TenantCaller caller,
                                                 http::Body<CaUpload> body) {
  const auto proof = proof_of(body.value);
  // A nonce is hex; anything else need not reach the database.
  std::string nonce;
  if (proof.nonce.size() == 32 && crypto::from_hex(proof.nonce)) nonce = proof.nonce;
  const auto parameters = pg::Params::of(
      nonce, body->name, proof.ca.pem, proof.ca.subject, proof.ca.fingerprint,
      proof.ca.not_before_s, proof.ca.not_after_s, caller.who.username, authorities_per_tenant);
  const auto rows = co_await caller.db.query(add_authority, parameters);
  if (rows.empty())
    throw bad_request("Verification certificate's CN is no open challenge: ask for a new one");
  if (rows.null(0, 0))
    throw conflict(rows.boolean(0, rows.column("known"))
                       ? "Certificate authority already registered"
                       : "At most 20 certificate authorities");
  auto made = pg::row_as<CertificateAuthority>(rows, 0);
  tell_pages(d, caller.tenant(), "certificate-authorities");
  auto event = AuditLog::of(caller, "certificate_authority.added", "create",
                            "certificate_authority", made.ca_id, "CA " + made.name + " trusted");
  event.severity = "warning";
  event.details["fingerprint_sha256"] = made.fingerprint_sha256;
  event.details["subject"] = made.subject;
  d.audit->write(std::move(event));
  co_return http::Created<CertificateAuthority>{std::move(made)};
}

Task<RemovedCa> remove_ca(FleetDeps d, TenantCaller caller, http::Path<"ca_id"> id) {
  auto tx = co_await caller.db.begin();
  // Whoever is registering a certificate of it holds its row: afterwards none comes any more.
  const auto gone = co_await tx.query(
      "DELETE FROM device_cas WHERE ca_id::text = $1 RETURNING name, fingerprint_sha256",
      pg::Params::of(id.value));
  if (gone.empty()) throw not_found("Certificate authority not found");
  const auto ended = co_await tx.query(
      "UPDATE device_certificates SET status = 'REVOKED', revoked_at = now(), updated_at = now(), "
      "revoked_reason = 'ca_removed' WHERE authority_fingerprint = $1 AND status = 'ACTIVE' "
      "RETURNING device_id",
      pg::Params::of(gone.text(0, 1)));
  co_await tx.commit();
  for (const auto& device : pg::texts(ended)) changed(d, caller.tenant(), device);
  tell_pages(d, caller.tenant(), "certificates");
  tell_pages(d, caller.tenant(), "certificate-authorities");
  const std::string name(gone.text(0, 0));
  auto event =
      AuditLog::of(caller, "certificate_authority.removed", "delete", "certificate_authority",
                   id.value, "CA " + name + " no longer trusted; its certificates are revoked");
  event.severity = "warning";
  event.details["fingerprint_sha256"] = std::string(gone.text(0, 1));
  event.details["revoked_certificates"] = ended.rows();
  d.audit->write(std::move(event));
  co_return RemovedCa{id.value, ended.rows()};
}

}  // namespace

void mount_certificate_authorities(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/certificate-authorities";
  api.get(base, http::bound(d, list_authorities))
      .customers()
      .tag("Certificates")
      .summary("The organization's own CAs");
  api.post(base + "/challenges", http::bound(d, challenge))
      .needs("devices.tokens.rotate")
      .tag("Certificates")
      .summary("A nonce to prove that one holds a CA's key")
      .description("Sign a certificate with the nonce as its CN by the CA. Good once, for a day.");
  api.post(base, http::bound(d, add_ca))
      .needs("devices.tokens.rotate")
      .tag("Certificates")
      .summary("Trust a CA of one's own")
      .description("Its certificates may then be registered for devices. Its key stays with you.")
      .fails(400, "Invalid PEM certificate")
      .fails(409, "Certificate authority already registered");
  api.del(base + "/{ca_id}", http::bound(d, remove_ca))
      .needs("devices.tokens.revoke")
      .tag("Certificates")
      .summary("Trust a CA no longer")
      .description("The active certificates that it signed are revoked with it.")
      .fails(404, "Certificate authority not found");
}

}  // namespace pulse::fleet
