#pragma once
// routing: messages on their way to other systems. Owns: the matching of routes, the stream
// ROUTES' consumer, tables message_routes, message_route_queue, and the dead letters of routes.
// Calls: fleet (topics, messages to devices), tenancy, platform.
//
// What the handlers of this room work with.
#include <memory>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "platform/http/router.hpp"
#include "platform/metrics/metrics.hpp"
#include "routing/destination.hpp"
#include "routing/send_shares.hpp"
#include "tenancy/audit.hpp"

namespace pulse::routing {

struct RoutingDeps {
  DestinationTools tools;  ///< of the handlers' loop
  const crypto::Sealer* sealer = nullptr;
  std::shared_ptr<tenancy::AuditLog> audit;
  metrics::Registry* metrics = nullptr;
  std::shared_ptr<SendShares> shares;  ///< of the handlers' loop: sends that somebody waits for
};

/// Tells the tenant's open pages that its `what` changed: they ask anew.
inline void tell_pages(const RoutingDeps& d, const std::string& tenant, const std::string& what) {
  d.tools.nats->publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"" + what + "\"}");
}

void mount_routes(http::Router& api, const RoutingDeps& deps);
void mount_dead_letters(http::Router& api, const RoutingDeps& deps);

/// Every endpoint of this room.
inline void mount(http::Router& api, const RoutingDeps& deps) {
  mount_routes(api, deps);
  mount_dead_letters(api, deps);
}

}  // namespace pulse::routing
