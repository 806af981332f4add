#pragma once
// The API that devices themselves call by HTTP, /device/v1: a device is who its token says.
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "fleet/device_auth.hpp"
#include "platform/http/router.hpp"
#include "platform/nats/client.hpp"
#include "tenancy/caller.hpp"
#include "tenancy/guard.hpp"

namespace pulse::fleet {

/// Whose token it is, remembered. A token never changes hands; whether it still holds is asked of
/// the DeviceLookup each time. Used on one loop.
class TokenOwners {
 public:
  explicit TokenOwners(pg::Pool& pool) : pool_(pool) {}
  /// "{tenant}" and "{device}" of a token's SHA-256; both empty when there is none. Throws
  /// pg::Error.
  Task<std::pair<std::string, std::string>> find(std::string hash);
  /// Writes when the token was used first, once: a claim of a used token is not repeated. Throws
  /// pg::Error.
  Task<> note_use(std::string hash);

 private:
  pg::Pool& pool_;
  std::unordered_map<std::string, std::pair<std::string, std::string>> known_;
  std::unordered_set<std::string> used_;  ///< noted
};

class JobNews;

/// What the device API of one loop works with.
struct DeviceApiDeps {
  pg::Pool* pool = nullptr;
  nats::Client* nats = nullptr;
  std::shared_ptr<DeviceAuth> auth;
  std::shared_ptr<DeviceLookup> lookup;
  std::shared_ptr<TokenOwners> owners;
  std::shared_ptr<JobNews> job_news;
  std::shared_ptr<tenancy::FailureLimit> failures;  ///< of the process, by address
  std::function<bool()> stopping;                   ///< ends long polls
};

/// A device that proved who it is, and its tenant's rows.
struct DeviceCaller {
  std::string tenant, device;
  tenancy::TenantDb db;
};

/// Checks X-Provision-Token and the device's rate. Throws HttpError: 401 "Missing provision token",
/// "Invalid provision token"; 403 with the reason (SUBSCRIPTION_SUSPENDED, ...); 429.
Task<DeviceCaller> device_caller(DeviceApiDeps d, http::Raw request);

/// States the header, and what device_caller throws.
http::Endpoint by_device(http::Endpoint endpoint);

/// Every endpoint of /device/v1 (device_api.cpp).
void mount_device_api(http::Router& api, const DeviceApiDeps& deps);

}  // namespace pulse::fleet
