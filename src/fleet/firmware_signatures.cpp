// The key whose signatures on firmware a tenant trusts.
#include "fleet/firmware.hpp"
#include "fleet/mounts.hpp"
#include "fleet/optional_body.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct SigningKey {
  std::string public_key;
  std::optional<std::string> created_by;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(SigningKey, (), (public_key, created_by, created_at))

struct SetSigningKey {
  std::string public_key;
};
BOOST_DESCRIBE_STRUCT(SetSigningKey, (), (public_key))
inline auto constraints(json::As<SetSigningKey>) {
  return json::rules<SetSigningKey>()
      .length(&SetSigningKey::public_key, 1, 1000)
      .describe(&SetSigningKey::public_key, "Ed25519: PEM, or base64 of its 32 bytes");
}

constexpr const char* select_key =
    "SELECT public_key, created_by, created_at FROM firmware_signing_keys";

Task<SigningKey> get_key(FleetDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(select_key);
  if (rows.empty()) throw not_found("No signing key");
  co_return pg::row_as<SigningKey>(rows, 0);
}

Task<SigningKey> put_key(FleetDeps d, TenantCaller caller, http::Body<SetSigningKey> body) {
  const auto key = crypto::ed25519_public_key(body->public_key);
  if (!key)
    throw ValidationError({"body", "public_key"}, "must be an Ed25519 public key", "value_error");
  const auto rows = co_await caller.db.query(
      "INSERT INTO firmware_signing_keys (tenant_id, public_key, created_by) VALUES ($1, $2, $3) "
      "ON CONFLICT (tenant_id) DO UPDATE SET public_key = excluded.public_key, "
      "created_by = excluded.created_by, created_at = now() "
      "RETURNING public_key, created_by, created_at",
      pg::Params::of(caller.tenant(), crypto::base64url(*key), creator_of(caller.who)));
  auto event =
      AuditLog::security(caller.who, caller.client_address, caller.request_id, caller.tenant(),
                         "firmware.signing_key_set", "update", "firmware_signing_key",
                         caller.tenant(), "The signing key of firmware was set");
  event.details["public_key"] = crypto::base64url(*key);
  co_await d.audit->record(std::move(event));
  tell_pages(d, caller.tenant(), "firmware");
  co_return pg::row_as<SigningKey>(rows, 0);
}

Task<http::NoContent> delete_key(FleetDeps d, TenantCaller caller) {
  const auto rows =
      co_await caller.db.query("DELETE FROM firmware_signing_keys RETURNING public_key");
  if (rows.empty()) throw not_found("No signing key");
  auto event =
      AuditLog::security(caller.who, caller.client_address, caller.request_id, caller.tenant(),
                         "firmware.signing_key_removed", "delete", "firmware_signing_key",
                         caller.tenant(), "The signing key of firmware was removed");
  event.details["public_key"] = std::string(rows.text(0, 0));
  co_await d.audit->record(std::move(event));
  tell_pages(d, caller.tenant(), "firmware");
  co_return http::NoContent{};
}

}  // namespace

Task<std::optional<std::string>> signing_key(tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_key);
  if (rows.empty()) co_return std::nullopt;
  co_return crypto::from_base64(rows.text(0, 0));
}

bool is_signed(const std::string& public_key, const std::optional<std::string>& checksum_sha256,
               const std::optional<std::string>& signature) {
  const auto digest = crypto::from_hex(checksum_sha256.value_or(""));
  const auto bytes = crypto::from_base64(signature.value_or(""));
  return digest && digest->size() == 32 && bytes && bytes->size() == 64 &&
         crypto::ed25519_fits(public_key, *digest, *bytes);
}

void check_signature(const std::optional<std::string>& public_key,
                     const std::optional<std::string>& checksum_sha256,
                     const std::optional<std::string>& signature) {
  if (!public_key) return;
  if (!signature) throw bad_request("Signature required: the organization has a signing key");
  if (!is_signed(*public_key, checksum_sha256, signature))
    throw bad_request("Signature does not fit the file's checksum and the signing key");
}

void mount_firmware_signatures(http::Router& api, const FleetDeps& d) {
  const std::string path = "/api/v1/customer/firmware/signing-key";
  api.get(path, http::bound(d, get_key))
      .customers()
      .tag("Firmware")
      .summary("The public key that firmware is signed for")
      .fails(404, "No signing key");
  api.put(path, http::bound(d, put_key))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Set the public key: from now on firmware must be signed")
      .description(
          "Ed25519 over the 32 bytes of the file's SHA-256. Pulse keeps no private key: whoever "
          "builds the firmware signs it. Devices are told the signature and check it themselves.");
  api.del(path, http::bound(d, delete_key))
      .needs("devices.update")
      .tag("Firmware")
      .summary("Remove the public key: firmware need not be signed any more")
      .fails(404, "No signing key");
}

}  // namespace pulse::fleet
