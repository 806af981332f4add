#pragma once
// What the handlers of this room work with.
#include <functional>
#include <memory>
#include <string>

#include "fleet/device_auth.hpp"
#include "fleet/device_ca.hpp"
#include "platform/http/router.hpp"
#include "platform/nats/client.hpp"
#include "platform/storage/storage.hpp"
#include "tenancy/audit.hpp"

namespace pulse::fleet {

/// Where devices reach Pulse, as the application and the token answers say it.
struct ConnectionInfo {
  std::string http_url;
  std::string mqtt_host;
  int mqtt_port = 1883;
  std::optional<int> mqtt_tls_port;
  std::string ws_url;
};
BOOST_DESCRIBE_STRUCT(ConnectionInfo, (), (http_url, mqtt_host, mqtt_port, mqtt_tls_port, ws_url))

/// One stored message as the device page shows it.
struct RecentMessage {
  Time timestamp;
  json::Raw metrics;
  std::int64_t seq = 0;
  std::string msg_type;
};
BOOST_DESCRIBE_STRUCT(RecentMessage, (), (timestamp, metrics, seq, msg_type))

struct RecentMessages {
  std::vector<RecentMessage> events;     ///< last 24 h, at most 50
  std::vector<RecentMessage> telemetry;  ///< last 6 h, at most 120
};

struct FleetDeps {
  std::shared_ptr<tenancy::AuditLog> audit;
  nats::Client* nats = nullptr;
  std::shared_ptr<DeviceAuth> auth;
  std::shared_ptr<DeviceLookup> lookup;   ///< of the loop
  std::shared_ptr<TokenBuckets> creates;  ///< devices created, per tenant
  std::shared_ptr<DeviceCa> device_ca;    ///< null: none configured
  ConnectionInfo connection;
  std::shared_ptr<storage::Storage> storage;  ///< of the process: firmware files
  std::int64_t firmware_bytes_max = 0;        ///< of one file
  std::int64_t stored_bytes_max = 0;          ///< of all files of a tenant
  /// The telemetry room's answer for the device page.
  std::function<Task<RecentMessages>(tenancy::TenantDb, std::string device_id)> recent;
};

/// Tells the tenant's open pages that its `what` (devices, sites, templates) changed: they ask
/// anew.
inline void tell_pages(const FleetDeps& d, const std::string& tenant, const std::string& what) {
  d.nats->publish("live." + tenant, "{\"type\":\"changed\",\"what\":\"" + what + "\"}");
}

/// Tells every process that a device changed; this one at once.
inline void changed(const FleetDeps& d, const std::string& tenant, const std::string& device) {
  d.auth->forget(tenant, device);
  announce_change(*d.nats, tenant, device);
  tell_pages(d, tenant, "devices");
}

/// Every endpoint of this room (mount.cpp).
void mount(http::Router& api, const FleetDeps& deps);

}  // namespace pulse::fleet
