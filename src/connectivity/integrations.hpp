#pragma once
// A tenant's accounts at carriers. Keys are sealed at rest, and opened for a call alone.
#include <optional>
#include <string>
#include <vector>

#include "connectivity/carrier.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::connectivity {

struct CarrierIntegrationCreate {
  std::string carrier_name, display_name;
  bool enabled = true;
  std::optional<std::string> api_key, api_secret, api_base_url, account_id;
  bool sync_enabled = true;
  std::int64_t sync_interval_minutes = 60;
  boost::json::object config;
};
BOOST_DESCRIBE_STRUCT(CarrierIntegrationCreate, (),
                      (carrier_name, display_name, enabled, api_key, api_secret, api_base_url,
                       account_id, sync_enabled, sync_interval_minutes, config))
inline std::vector<std::string_view> optional_members(json::As<CarrierIntegrationCreate>) {
  return {"enabled", "sync_enabled", "sync_interval_minutes", "config"};
}
/// Members of `config` that Pulse reads, with what they may be.
std::string fault_of_config(const boost::json::object& config);
inline auto constraints(json::As<CarrierIntegrationCreate>) {
  using T = CarrierIntegrationCreate;
  return json::rules<T>()
      .length(&T::carrier_name, 1, 50)
      .length(&T::display_name, 1, 200)
      .length(&T::api_key, 0, 500)
      .length(&T::api_secret, 0, 500)
      .length(&T::api_base_url, 0, 500)
      .length(&T::account_id, 0, 200)
      .range(&T::sync_interval_minutes, 5, 1440)
      .check("config", [](const T& v) { return fault_of_config(v.config); });
}

/// A key or secret of null stays; an empty one is removed.
struct CarrierIntegrationUpdate {
  std::optional<std::string> display_name;
  std::optional<bool> enabled;
  std::optional<std::string> api_key, api_secret;
  json::Patch<std::string> api_base_url, account_id;
  std::optional<bool> sync_enabled;
  std::optional<std::int64_t> sync_interval_minutes;
  std::optional<boost::json::object> config;
};
BOOST_DESCRIBE_STRUCT(CarrierIntegrationUpdate, (),
                      (display_name, enabled, api_key, api_secret, api_base_url, account_id,
                       sync_enabled, sync_interval_minutes, config))
inline auto constraints(json::As<CarrierIntegrationUpdate>) {
  using T = CarrierIntegrationUpdate;
  return json::rules<T>()
      .length(&T::display_name, 1, 200)
      .length(&T::api_key, 0, 500)
      .length(&T::api_secret, 0, 500)
      .length(&T::api_base_url, 0, 500)
      .length(&T::account_id, 0, 200)
      .range(&T::sync_interval_minutes, 5, 1440)
      .check("config",
             [](const T& v) { return v.config ? fault_of_config(*v.config) : std::string(); });
}

/// As callers see it.
struct CarrierIntegration {
  std::int64_t id = 0;
  std::string carrier_name, display_name;
  bool enabled = true;
  std::optional<std::string> account_id, api_base_url;
  bool sync_enabled = true;
  std::int64_t sync_interval_minutes = 60;
  std::optional<Time> last_sync_at;
  std::string last_sync_status = "never";
  std::optional<std::string> last_sync_error, api_key_masked;
  boost::json::object config;
  std::int64_t device_count = 0;
  std::vector<std::string> capabilities;  ///< none where the carrier is not known
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(CarrierIntegration, (),
                      (id, carrier_name, display_name, enabled, account_id, api_base_url,
                       sync_enabled, sync_interval_minutes, last_sync_at, last_sync_status,
                       last_sync_error, api_key_masked, config, device_count, capabilities,
                       created_at))

/// As it is stored, with what its carrier needs.
struct StoredIntegration {
  std::int64_t id = 0;
  std::string tenant_id, carrier_name;
  bool enabled = true;
  std::optional<std::string> api_key, api_base_url, account_id;  ///< the key is sealed
  boost::json::object config;
  std::int64_t sync_interval_minutes = 60;
  std::int64_t sync_failures = 0;
};
BOOST_DESCRIBE_STRUCT(StoredIntegration, (),
                      (id, tenant_id, carrier_name, enabled, api_key, api_base_url, account_id,
                       config, sync_interval_minutes, sync_failures))

Task<std::vector<CarrierIntegration>> integrations(ConnectivityDeps d, tenancy::TenantDb db);
Task<std::optional<CarrierIntegration>> find_integration(ConnectivityDeps d, tenancy::TenantDb db,
                                                         std::int64_t id);
Task<std::optional<StoredIntegration>> stored_integration(tenancy::TenantDb db, std::int64_t id);
/// The new id; nothing when the tenant has one of this carrier.
Task<std::optional<std::int64_t>> insert_integration(ConnectivityDeps d, tenancy::TenantDb db,
                                                     std::string tenant_id,
                                                     CarrierIntegrationCreate made);
/// What changed, without keys; nothing when there is no such integration.
Task<std::optional<boost::json::object>> update_integration(ConnectivityDeps d,
                                                            tenancy::TenantDb db,
                                                            StoredIntegration known,
                                                            CarrierIntegrationUpdate changes);
/// How many devices use it; it is removed when none does. Nothing when there is none.
Task<std::optional<std::int64_t>> remove_integration(tenancy::TenantDb db, std::int64_t id);

/// What its carrier is called with. Throws 400 when it has no key, or one that no secret key of
/// this installation opens.
CarrierCall call_of(const ConnectivityDeps& d, const StoredIntegration& integration);

}  // namespace pulse::connectivity
