#pragma once
// Which SIM a device has: the transport that names an integration and the carrier's device.
#include <optional>
#include <string>

#include "connectivity/integrations.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::connectivity {

/// A device's SIM, and the integration that knows it.
struct LinkedSim {
  LinkedSim() = default;
  std::int64_t transport_id = 0;
  std::string carrier_device_id;
  std::optional<std::string> sim_iccid;
  std::optional<double> data_limit_mb;
  std::optional<StoredIntegration> integration;  ///< nothing when it is gone
};

/// Nothing when the device is not linked. Throws 404 "Device not found".
Task<std::optional<LinkedSim>> linked_sim(tenancy::TenantDb db, std::string device_id);

/// What a device is linked to.
struct SimLink {
  SimLink() = default;
  std::int32_t integration_id = 0;
  std::string carrier_name, carrier_device_id;
  std::optional<std::string> iccid;  ///< known when it was claimed by it
};
/// Into the device's cellular transport, else its primary one, else a new one. What carriers said
/// of an earlier SIM goes. Throws 404 "Device not found", 400 "Invalid carrier_integration_id".
Task<> link_sim(tenancy::TenantDb db, std::string tenant_id, std::string device_id, SimLink link);

/// Remembers what a carrier was made to do with the SIM.
Task<> store_sim_status(tenancy::TenantDb db, std::int64_t transport_id, std::string status);

}  // namespace pulse::connectivity
