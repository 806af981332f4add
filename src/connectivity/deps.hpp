#pragma once
// connectivity: the SIMs of devices, by the APIs of their carriers. Owns table
// carrier_integrations, writes what carriers say into device_transports. Calls: fleet, tenancy.
#include <memory>
#include <string>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/http/client.hpp"
#include "platform/http/router.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "tenancy/audit.hpp"

namespace pulse::connectivity {

/// How carriers are reached. Addresses come from customers, so only public ones by https, besides
/// what the operator lists.
struct CarrierAccess {
  http::OutboundClient* http = nullptr;
  std::vector<std::string> private_hosts;  ///< "host:port" that may be private, and plain http
  long timeout_ms = 10'000;
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
