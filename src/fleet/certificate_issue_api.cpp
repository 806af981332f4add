// Certificates that the platform's CA issues: with a new key, for a request, in place of others.
#include "fleet/certificates.hpp"
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/clock.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr const char* save_the_key = "Save the private key now -- it will NOT be shown again.";

struct CertGenerateRequest {
  std::int64_t validity_days = 365;
  std::string key_type = "rsa-2048";
};
BOOST_DESCRIBE_STRUCT(CertGenerateRequest, (), (validity_days, key_type))
inline auto constraints(json::As<CertGenerateRequest>) {
  return json::rules<CertGenerateRequest>()
      .range(&CertGenerateRequest::validity_days, 1, 3650)
      .one_of(&CertGenerateRequest::key_type, {"rsa-2048", "ec-p256"});
}
inline std::vector<std::string_view> optional_members(json::As<CertGenerateRequest>) {
  return {"validity_days", "key_type"};
}

struct CertRotateRequest {
  std::int64_t validity_days = 365;
  std::optional<std::int64_t> revoke_old_after_hours;
  std::string key_type = "rsa-2048";
};
BOOST_DESCRIBE_STRUCT(CertRotateRequest, (), (validity_days, revoke_old_after_hours, key_type))
inline auto constraints(json::As<CertRotateRequest>) {
  return json::rules<CertRotateRequest>()
      .range(&CertRotateRequest::validity_days, 1, 3650)
      .range(&CertRotateRequest::revoke_old_after_hours, 1, 720)
      .describe(&CertRotateRequest::revoke_old_after_hours,
                "How long the earlier ones still work; absent: they are revoked at once")
      .one_of(&CertRotateRequest::key_type, {"rsa-2048", "ec-p256"});
}
inline std::vector<std::string_view> optional_members(json::As<CertRotateRequest>) {
  return {"validity_days", "key_type"};
}

struct CertSignRequest {
  std::string csr_pem;
  std::int64_t validity_days = 365;
  std::optional<std::int64_t> revoke_old_after_hours;
};
BOOST_DESCRIBE_STRUCT(CertSignRequest, (), (csr_pem, validity_days, revoke_old_after_hours))
inline auto constraints(json::As<CertSignRequest>) {
  return json::rules<CertSignRequest>()
      .length(&CertSignRequest::csr_pem, 50, crypto::pem_bytes_max)
      .range(&CertSignRequest::validity_days, 1, 3650)
      .range(&CertSignRequest::revoke_old_after_hours, 1, 720)
      .describe(&CertSignRequest::revoke_old_after_hours,
                "How long the earlier ones still work; absent: they stay as they are");
}
inline std::vector<std::string_view> optional_members(json::As<CertSignRequest>) {
  return {"validity_days"};
}

struct GeneratedCertificate {
  DeviceCertificate certificate;
  std::string cert_pem, private_key_pem, ca_cert_pem, warning = save_the_key;
};
BOOST_DESCRIBE_STRUCT(GeneratedCertificate, (),
                      (certificate, cert_pem, private_key_pem, ca_cert_pem, warning))

struct SignedCertificate {
  DeviceCertificate certificate;
  std::string cert_pem, ca_cert_pem;
  std::vector<ReplacedCertificate> old_certificates;
};
BOOST_DESCRIBE_STRUCT(SignedCertificate, (), (certificate, cert_pem, ca_cert_pem, old_certificates))

struct RotatedCertificate {
  DeviceCertificate new_certificate;
  std::string cert_pem, private_key_pem, ca_cert_pem;
  std::vector<ReplacedCertificate> old_certificates;
  std::int64_t grace_period_hours = 0;
  std::string warning = save_the_key;
};
BOOST_DESCRIBE_STRUCT(RotatedCertificate, (),
                      (new_certificate, cert_pem, private_key_pem, ca_cert_pem, old_certificates,
                       grace_period_hours, warning))

crypto::KeyType key_type_of(const std::string& name) {
  return name == "ec-p256" ? crypto::KeyType::ec_p256 : crypto::KeyType::rsa_2048;
}

/// The platform's CA, when the device is there and the CA is valid itself.
Task<const crypto::Authority*> issuer_for(FleetDeps d, tenancy::TenantDb db,
                                          std::string device_id) {
  co_await require_device(db, std::move(device_id));
  const auto& authority = platform_authority(d);
  if (!authority.certificate().is_valid_at(now_ms() / 1000))
    throw unavailable("Device CA has expired", 3600);
  co_return &authority;
}

NewCertificate issued(const crypto::Authority& authority, const crypto::Key& key,
                      const std::string& tenant, const std::string& device_id,
                      std::int64_t validity_days) {
  const auto certificate =
      authority.issue(key, tenant + "/" + device_id, static_cast<int>(validity_days));
  NewCertificate out;
  out.device_id = device_id;
  out.facts = certificate.facts();
  out.authority_fingerprint = authority.certificate().facts().fingerprint;
  return out;
}

void tell(const FleetDeps& d, const TenantCaller& caller, const DeviceCertificate& made,
          const std::string& type, const std::string& how) {
  changed(d, caller.tenant(), made.device_id);
  tell_pages(d, caller.tenant(), "certificates");
  auto event = AuditLog::of(caller, type, "create", "device", made.device_id,
                            "Device " + made.device_id + " got a certificate " + how);
  event.details["certificate_id"] = made.id;
  event.details["fingerprint_sha256"] = made.fingerprint_sha256;
  event.details["not_after"] = iso8601(made.not_after);
  d.audit->write(std::move(event));
}

Task<http::Created<GeneratedCertificate>> generate(FleetDeps d, TenantCaller caller,
                                                   http::Path<"device_id"> id,
                                                   http::Body<CertGenerateRequest> body) {
  const auto* authority = co_await issuer_for(d, caller.db, id.value);
  const auto key = co_await d.device_ca->make_key(key_type_of(body->key_type));
  auto wanted = issued(*authority, key, caller.tenant(), id.value, body->validity_days);
  GeneratedCertificate out;
  out.cert_pem = wanted.facts.pem;
  out.private_key_pem = crypto::private_key_pem(key);
  out.ca_cert_pem = authority->bundle_pem();
  auto made = co_await register_certificate(caller.db, std::move(wanted), std::nullopt);
  out.certificate = std::move(made.certificate);
  tell(d, caller, out.certificate, "certificate.issued", "with a new key");
  co_return http::Created<GeneratedCertificate>{std::move(out)};
}

Task<http::Created<SignedCertificate>> sign(FleetDeps d, TenantCaller caller,
                                            http::Path<"device_id"> id,
                                            http::Body<CertSignRequest> body) {
  const auto* authority = co_await issuer_for(d, caller.db, id.value);
  const auto key = crypto::key_of_request(body->csr_pem);
  if (!key)
    throw bad_request(
        "Invalid certificate request: PEM of PKCS #10, signed by its own key, which is RSA of "
        "2048 to 8192 bits or EC P-256, P-384, P-521");
  auto wanted = issued(*authority, *key, caller.tenant(), id.value, body->validity_days);
  SignedCertificate out;
  out.cert_pem = wanted.facts.pem;
  out.ca_cert_pem = authority->bundle_pem();
  std::optional<EndOfOthers> others;
  if (body->revoke_old_after_hours) others.emplace().after_hours = *body->revoke_old_after_hours;
  auto made = co_await register_certificate(caller.db, std::move(wanted), others);
  out.certificate = std::move(made.certificate);
  out.old_certificates = std::move(made.replaced);
  tell(d, caller, out.certificate, "certificate.issued", "for its request");
  co_return http::Created<SignedCertificate>{std::move(out)};
}

Task<http::Created<RotatedCertificate>> rotate(FleetDeps d, TenantCaller caller,
                                               http::Path<"device_id"> id,
                                               http::Body<CertRotateRequest> body) {
  const auto* authority = co_await issuer_for(d, caller.db, id.value);
  const auto key = co_await d.device_ca->make_key(key_type_of(body->key_type));
  auto wanted = issued(*authority, key, caller.tenant(), id.value, body->validity_days);
  RotatedCertificate out;
  out.cert_pem = wanted.facts.pem;
  out.private_key_pem = crypto::private_key_pem(key);
  out.ca_cert_pem = authority->bundle_pem();
  out.grace_period_hours = body->revoke_old_after_hours.value_or(0);
  EndOfOthers others;
  others.at_once = !body->revoke_old_after_hours;
  others.after_hours = out.grace_period_hours;
  auto made = co_await register_certificate(caller.db, std::move(wanted), others);
  out.new_certificate = std::move(made.certificate);
  out.old_certificates = std::move(made.replaced);
  tell(d, caller, out.new_certificate, "certificate.rotated",
       "in place of " + std::to_string(out.old_certificates.size()));
  co_return http::Created<RotatedCertificate>{std::move(out)};
}

}  // namespace

void mount_certificate_issue(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/certificates";
  api.post(base + "/generate", http::bound(d, generate))
      .needs("devices.tokens.rotate")
      .secret()
      .tag("Certificates")
      .summary("Issue a certificate with a new key")
      .description("The private key is shown once, and stored nowhere.")
      .fails(404, "Device not found")
      .fails(409, "Device has 20 active certificates: revoke some first")
      .fails(503, "Device CA not configured")
      .example(boost::json::object{{"validity_days", 365}, {"key_type", "ec-p256"}});
  api.post(base + "/csr", http::bound(d, sign))
      .needs("devices.tokens.rotate")
      .tag("Certificates")
      .summary("Issue a certificate for a request")
      .description(
          "Of the request only the public key counts: the CN is `{tenant}/{device}`, whatever it "
          "asks for. The private key never leaves the device.")
      .fails(400, "Invalid certificate request")
      .fails(404, "Device not found")
      .fails(409, "Device has 20 active certificates: revoke some first")
      .fails(503, "Device CA not configured");
  api.post(base + "/rotate", http::bound(d, rotate))
      .needs("devices.tokens.rotate")
      .secret()
      .tag("Certificates")
      .summary("Issue a certificate in place of the active ones")
      .description("With `revoke_old_after_hours` the earlier ones work on for so long.")
      .fails(404, "Device not found")
      .fails(409, "Device has 20 active certificates: revoke some first")
      .fails(503, "Device CA not configured")
      .example(boost::json::object{{"revoke_old_after_hours", 24}});
}

}  // namespace pulse::fleet
