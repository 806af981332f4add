#pragma once
// connectivity: the SIMs of devices, by the APIs of their carriers. Owns table
// carrier_integrations, writes what carriers say into device_transports. Calls: fleet, tenancy.
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/http/client.hpp"
#include "platform/http/router.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "tenancy/audit.hpp"

namespace pulse::connectivity {

/// How many calls of each integration are under way. Thread-safe.
class CallSlots {
 public:
  explicit CallSlots(int most) : most_(most) {}
  /// False while the integration has as many as it may.
  bool take(std::int64_t integration_id) {
    const std::lock_guard lock(mutex_);
    auto& calls = under_way_[integration_id];
    if (calls >= most_) return false;
    ++calls;
    return true;
  }
  void give_back(std::int64_t integration_id) {
    const std::lock_guard lock(mutex_);
    const auto it = under_way_.find(integration_id);
    if (--it->second == 0) under_way_.erase(it);
  }

 private:
  int most_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, int> under_way_;
};

/// How carriers are reached. Addresses come from customers, so only public ones by https, besides
/// what the operator lists.
struct CarrierAccess {
  http::OutboundClient* http = nullptr;
  std::vector<std::string> private_hosts;  ///< "host:port" that may be private, and plain http
  long timeout_ms = 10'000;
  /// Threads are shared by all tenants: a slow carrier gets no more than these of one integration.
  std::shared_ptr<CallSlots> slots = std::make_shared<CallSlots>(3);
};

struct ConnectivityDeps {
  std::shared_ptr<const CarrierAccess> access;
  const crypto::Sealer* sealer = nullptr;
  std::shared_ptr<tenancy::AuditLog> audit;
  nats::Client* nats = nullptr;
  metrics::Registry* metrics = nullptr;
};

/// Tells the tenant's open pages that its `what` changed: they ask anew.
inline void tell_pages(nats::Client& nats, const std::string& tenant, const std::string& what) {
  nats.publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"" + what + "\"}");
}

void mount_integrations(http::Router& api, const ConnectivityDeps& deps);
void mount_sims(http::Router& api, const ConnectivityDeps& deps);
void mount_linking(http::Router& api, const ConnectivityDeps& deps);

/// Every endpoint of this room.
inline void mount(http::Router& api, const ConnectivityDeps& deps) {
  mount_integrations(api, deps);
  mount_sims(api, deps);
  mount_linking(api, deps);
}

}  // namespace pulse::connectivity
