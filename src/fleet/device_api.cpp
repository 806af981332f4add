#include "fleet/device_api.hpp"

#include "fleet/device_mounts.hpp"
#include "platform/crypto/crypto.hpp"

namespace pulse::fleet {

namespace {

constexpr std::size_t owners_kept = 100'000;

}  // namespace

Task<std::pair<std::string, std::string>> TokenOwners::find(std::string hash) {
  if (const auto it = known_.find(hash); it != known_.end()) co_return it->second;
  pg::Scope scope;
  scope.role = "pulse_ingest";  // nobody knows the tenant yet
  const auto rows = co_await pool_.query(
      scope,
      "SELECT tenant_id, device_id FROM device_api_tokens WHERE token_hash = $1 "
      "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
      pg::Params::of(hash));
  std::pair<std::string, std::string> owner;
  if (rows.empty()) co_return owner;
  owner.first = std::string(rows.text(0, 0));
  owner.second = std::string(rows.text(0, 1));
  if (known_.size() >= owners_kept) known_.clear();
  known_[std::move(hash)] = owner;
  co_return owner;
}

Task<> TokenOwners::note_use(std::string hash) {
  if (used_.contains(hash)) co_return;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  co_await pool_.query(scope,
                       "UPDATE device_api_tokens SET last_used_at = now() "
                       "WHERE token_hash = $1 AND last_used_at IS NULL",
                       pg::Params::of(hash));
  if (used_.size() >= owners_kept) used_.clear();
  used_.insert(std::move(hash));
}

Task<DeviceCaller> device_caller(DeviceApiDeps d, http::Raw request) {
  const std::string token(request->headers.get("X-Provision-Token"));
  if (token.empty()) throw HttpError(401, "Missing provision token");
  const auto& address = request->client_address;
  if (const int wait = d.failures->blocked_for(address); wait > 0)
    throw too_many("Too many auth attempts", wait);
  const auto hash = crypto::sha256_hex(token);
  auto owner = co_await d.owners->find(hash);
  const bool known = !owner.first.empty();
  Credentials device;
  if (known) device = co_await d.lookup->find(owner.first, owner.second);
  if (!known || !device->exists || !matching_token(*device, token)) {
    d.failures->failed(address);
    throw HttpError(401, "Invalid provision token");
  }
  if (auto reason = refusal_of(*device); !reason.empty()) throw forbidden(std::move(reason));
  if (const auto wait = d.auth->take(*device))
    throw too_many("RATE_LIMITED", static_cast<int>(wait / 1000 + 1));
  co_await d.owners->note_use(hash);
  auto db = tenancy::TenantDb::for_worker(*d.pool, owner.first, "a device, by its own token");
  co_return DeviceCaller{std::move(owner.first), std::move(owner.second), std::move(db)};
}

http::Endpoint by_device(http::Endpoint endpoint) {
  return endpoint.devices()
      .tag("Device API")
      .header("X-Provision-Token", "The device's token", true)
      .fails(401, "Invalid provision token")
      .fails(403, "SUBSCRIPTION_SUSPENDED")
      .fails(429, "RATE_LIMITED");
}

void mount_device_api(http::Router& api, const DeviceApiDeps& d) {
  mount_device_shadow(api, d);
  mount_device_commands(api, d);
  mount_device_jobs(api, d);
}

}  // namespace pulse::fleet
