#pragma once
// fleet: devices and what belongs to them. Owns: tables sites, device_registry, device_tags,
// device_state (its registry side), device_sensors, device_api_tokens, device_templates,
// device_subscriptions, device_connection_events. Calls: tenancy, platform.
//
// The registry as the ingest worker needs it: what decides whether a message may be stored.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

/// What a message's fate depends on.
struct DeviceFacts {
  std::string tenant_id, device_id, site_id;
  std::string status;               ///< of the registry: ACTIVE, REVOKED, ...
  std::string subscription_status;  ///< empty: no subscription
  std::set<std::string, std::less<>> sensor_keys;
  std::size_t sensor_limit = 20;    ///< own, else the plan's, else 20
};

struct DeviceKey {
  std::string_view tenant, device;
};

/// Subject of the core NATS message {"tenant_id","device_id"} that says: this device changed.
inline constexpr const char* invalidate_subject = "pulse.invalidate.device";

/// Facts of devices, loaded in batches. Used on one loop, by one worker: `load` may replace facts,
/// everything else leaves them where they are, so pointers from `find` hold until the next `load`.
class RegistryCache {
 public:
  RegistryCache(nats::Client& nats, boost::asio::any_io_executor executor);
  /// Makes sure that each key's facts (or that there is no such device) are known and fresh. One
  /// statement for all that are missing. Throws pg::Error.
  Task<> load(pg::Pool& pool, const std::vector<DeviceKey>& keys);
  /// Null when there is no such device.
  const DeviceFacts* find(std::string_view tenant, std::string_view device) const;
  /// Everything is looked up again at the next `load`.
  void clear();

 private:
  struct Entry {
    std::unique_ptr<DeviceFacts> facts;  // null: no such device
    std::int64_t fresh_until_ms = 0;     // steady
  };
  static void key_into(std::string& out, std::string_view tenant, std::string_view device);
  std::unordered_map<std::string, Entry> entries_;
  std::uint64_t invalidations_ = 0;
  std::unique_ptr<nats::Subscription> subscription_;
};

}  // namespace pulse::fleet
