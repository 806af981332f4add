// Certificates of devices: list, look at, upload, revoke; the CA bundle and the revocation list.
#include "fleet/certificates.hpp"
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/clock.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct CertificateUpload {
  std::string device_id, cert_pem;
};
BOOST_DESCRIBE_STRUCT(CertificateUpload, (), (device_id, cert_pem))
inline auto constraints(json::As<CertificateUpload>) {
  return json::rules<CertificateUpload>()
      .length(&CertificateUpload::device_id, 1, 200)
      .length(&CertificateUpload::cert_pem, 50, crypto::pem_bytes_max);
}

struct RevokeRequest {
  std::string reason = "manual_revocation";
};
BOOST_DESCRIBE_STRUCT(RevokeRequest, (), (reason))
inline auto constraints(json::As<RevokeRequest>) {
  return json::rules<RevokeRequest>().length(&RevokeRequest::reason, 0, 100);
}
inline std::vector<std::string_view> optional_members(json::As<RevokeRequest>) {
  return {"reason"};
}

Task<CertificateList> list_certificates(FleetDeps, TenantCaller caller,
                                        http::Query<CertificateQuery> query) {
  return certificates_matching(caller.db, query.value);
}

Task<CertificateDetail> get_certificate(FleetDeps, TenantCaller caller,
                                        http::Path<"cert_id", std::int32_t> id) {
  auto found = co_await find_certificate(caller.db, id.value);
  if (!found) throw not_found("Certificate not found");
  co_return std::move(*found);
}

/// The fingerprint of the authority that signed it: the platform's, or one of the tenant's that is
/// still valid itself. Throws HttpError 400.
std::string signer_of(const crypto::Certificate& certificate,
                      const std::vector<crypto::Certificate>& authorities, std::int64_t now_s) {
  bool named = false;
  for (const auto& authority : authorities) {
    if (!certificate.names_issuer(authority)) continue;
    named = true;
    if (authority.is_valid_at(now_s) && certificate.is_signed_by(authority))
      return authority.facts().fingerprint;
  }
  throw bad_request(named ? "Certificate not signed by trusted Device CA"
                          : "Certificate issuer does not match trusted Device CA");
}

Task<http::Created<DeviceCertificate>> upload_certificate(FleetDeps d, TenantCaller caller,
                                                          http::Body<CertificateUpload> body) {
  co_await require_device(caller.db, body->device_id);
  auto authorities = co_await trusted_authorities(caller.db);
  if (d.device_ca) authorities.push_back(d.device_ca->authority().certificate());
  if (authorities.empty())
    throw unavailable("Device CA not configured -- cannot validate certificate");
  const auto certificate = crypto::Certificate::from_pem(body->cert_pem);
  if (!certificate) throw bad_request("Invalid PEM certificate");
  const auto& facts = certificate->facts();
  const auto now_s = now_ms() / 1000;
  const auto expected = caller.tenant() + "/" + body->device_id;
  if (facts.common_name != expected)
    throw bad_request("Certificate CN '" + facts.common_name + "' does not match expected '" +
                      expected + "'");
  if (now_s < facts.not_before_s) throw bad_request("Certificate not yet valid");
  if (now_s >= facts.not_after_s) throw bad_request("Certificate has expired");
  if (!facts.has_strong_key)
    throw bad_request("Certificate key must be RSA of 2048 to 8192 bits or EC P-256, P-384, P-521");
  NewCertificate wanted;
  wanted.device_id = body->device_id;
  wanted.facts = facts;
  wanted.authority_fingerprint = signer_of(*certificate, authorities, now_s);
  wanted.by_tenant_ca =
      !d.device_ca ||
      wanted.authority_fingerprint != d.device_ca->authority().certificate().facts().fingerprint;
  if (wanted.facts.serial.size() > 100) throw bad_request("Invalid PEM certificate");
  auto made = co_await register_certificate(caller.db, std::move(wanted), std::nullopt);
  changed(d, caller.tenant(), body->device_id);
  tell_pages(d, caller.tenant(), "certificates");
  auto event = AuditLog::of(caller, "certificate.uploaded", "create", "device", body->device_id,
                            "A certificate of device " + body->device_id + " was uploaded");
  event.details["fingerprint_sha256"] = facts.fingerprint;
  event.details["issuer"] = facts.issuer;
  d.audit->write(std::move(event));
  co_return http::Created<DeviceCertificate>{std::move(made.certificate)};
}

Task<RevokedCertificate> revoke(FleetDeps d, TenantCaller caller,
                                http::Path<"cert_id", std::int32_t> id,
                                http::Body<RevokeRequest> body) {
  auto gone = co_await revoke_certificate(caller.db, id.value, body->reason);
  if (!gone) throw not_found("Certificate not found or already revoked");
  changed(d, caller.tenant(), gone->device_id);
  tell_pages(d, caller.tenant(), "certificates");
  auto event = AuditLog::of(caller, "certificate.revoked", "revoke", "device", gone->device_id,
                            "A certificate of device " + gone->device_id + " was revoked");
  event.severity = "warning";
  event.details["certificate_id"] = gone->id;
  event.details["fingerprint_sha256"] = gone->fingerprint_sha256;
  event.details["reason"] = body->reason;
  d.audit->write(std::move(event));
  co_return std::move(*gone);
}

http::Response pem_file(std::string text, const std::string& name) {
  http::Response r;
  r.headers.add("Content-Type", "application/x-pem-file");
  r.headers.add("Content-Disposition", "attachment; filename=\"" + name + "\"");
  r.body = std::move(text);
  return r;
}

Task<http::Response> ca_bundle(FleetDeps d, TenantCaller) {
  co_return pem_file(platform_authority(d).bundle_pem(), "pulse-ca.pem");
}

Task<http::Response> revocation_list(FleetDeps d, TenantCaller caller) {
  const auto& fingerprint = platform_authority(d).certificate().facts().fingerprint;
  const auto rows =
      co_await caller.db.query("SELECT crl_pem FROM device_crls WHERE authority_fingerprint = $1",
                               pg::Params::of(fingerprint));
  if (rows.empty()) throw unavailable("The revocation list is not written yet", 10);
  co_return pem_file(std::string(rows.text(0, 0)), "pulse-ca.crl");
}

}  // namespace

const crypto::Authority& platform_authority(const FleetDeps& deps) {
  if (!deps.device_ca) throw unavailable("Device CA not configured", 60);
  return deps.device_ca->authority();
}

void mount_certificates(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/certificates";
  api.get(base, http::bound(d, list_certificates))
      .customers()
      .tag("Certificates")
      .summary("Certificates of devices, newest first")
      .fails(400, "Invalid status filter");
  api.post(base, http::bound(d, upload_certificate))
      .needs("devices.tokens.rotate")
      .tag("Certificates")
      .summary("Register a device's certificate")
      .description(
          "Its CN is `{tenant}/{device}`, and the platform's CA or one of the tenant's signed it.")
      .fails(400, "Invalid PEM certificate")
      .fails(404, "Device not found")
      .fails(409, "Certificate already registered (duplicate fingerprint)")
      .fails(503, "Device CA not configured -- cannot validate certificate");
  api.get(base + "/{cert_id}", http::bound(d, get_certificate))
      .customers()
      .tag("Certificates")
      .summary("One certificate, with its PEM")
      .fails(404, "Certificate not found");
  api.post(base + "/{cert_id}/revoke", http::bound(d, revoke))
      .needs("devices.tokens.revoke")
      .tag("Certificates")
      .summary("Revoke a certificate")
      .description("Its live connections end at once; the revocation list follows in seconds.")
      .fails(404, "Certificate not found or already revoked");
  api.get("/api/v1/customer/ca-bundle", http::bound(d, ca_bundle))
      .customers()
      .tag("Certificates")
      .summary("The platform's CA for devices, as PEM")
      .produces("application/x-pem-file")
      .fails(503, "Device CA not configured");
  api.get("/api/v1/customer/crl", http::bound(d, revocation_list))
      .customers()
      .tag("Certificates")
      .summary("The revocation list of the platform's CA, as PEM")
      .produces("application/x-pem-file")
      .fails(503, "Device CA not configured");
}

}  // namespace pulse::fleet
