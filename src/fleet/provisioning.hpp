#pragma once
// Devices that get their credential by themselves: activation codes that an installer's system
// makes (X-Admin-Key), and self-registration keys that leave the factory in the firmware.
#include "fleet/deps.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/guard.hpp"

namespace pulse::fleet {

struct ProvisioningDeps {
  FleetDeps fleet;
  pg::Pool* pool = nullptr;  ///< of the loop
  /// Failed attempts, by address (and device, where one is named) and by device; of the process.
  std::shared_ptr<tenancy::FailureLimit> failures;
  /// Of the process, by address alone, whatever devices were named; allows more.
  std::shared_ptr<tenancy::FailureLimit> address_failures;
  std::string admin_key;  ///< X-Admin-Key; empty: nobody has one
  long code_minutes = 60;
};

/// `POST /api/device/activate` and `/api/admin/devices...`.
void mount_activation(http::Router& api, const ProvisioningDeps& deps);
/// `POST /api/device/claim`.
void mount_claim(http::Router& api, const ProvisioningDeps& deps);

/// The statement that makes `token` the only one of a device: $1 tenant, $2 device, $3 client id,
/// $4 hash, $5 label.
pg::Statement only_token(const std::string& tenant_id, const std::string& device_id,
                         const std::string& token, const std::string& label);
/// Throws HttpError 429 while `key` failed too often.
void check_attempts(const ProvisioningDeps& deps, const std::string& key);
/// A line of the audit log about what a device did by itself, or an installer's system with it.
void tell_provisioned(const FleetDeps& d, const http::Request& request, const std::string& actor,
                      const std::string& tenant_id, const std::string& device_id,
                      const std::string& event_type, const std::string& action,
                      const std::string& message);

}  // namespace pulse::fleet
