// The older view of how a device is connected: its cellular transport under other names. Clients
// are told by headers to go to `transports`.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "fleet/transports.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

struct DeviceConnection {
  std::string device_id, connection_type;
  std::optional<std::string> carrier_name, carrier_account_id, plan_name, apn, sim_iccid,
      sim_status;
  std::optional<std::int64_t> data_limit_mb;
  std::optional<double> data_used_mb;
  std::optional<Time> data_used_updated_at;
  std::optional<std::int64_t> billing_cycle_start;
  std::optional<std::string> ip_address, msisdn, network_status;
  std::optional<Time> last_network_attach, last_network_detach;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(DeviceConnection, (),
                      (device_id, connection_type, carrier_name, carrier_account_id, plan_name, apn,
                       sim_iccid, sim_status, data_limit_mb, data_used_mb, data_used_updated_at,
                       billing_cycle_start, ip_address, msisdn, network_status, last_network_attach,
                       last_network_detach, created_at, updated_at))
struct DeviceConnectionAnswer {
  std::string device_id;
  std::optional<DeviceConnection> connection;
};
BOOST_DESCRIBE_STRUCT(DeviceConnectionAnswer, (), (device_id, connection))

struct SetConnection {
  std::string connection_type = "cellular";
  std::optional<std::string> carrier_name, carrier_account_id, plan_name, apn, sim_iccid,
      sim_status;
  std::optional<std::int64_t> data_limit_mb, billing_cycle_start;
  std::optional<std::string> ip_address, msisdn;
};
BOOST_DESCRIBE_STRUCT(SetConnection, (),
                      (connection_type, carrier_name, carrier_account_id, plan_name, apn, sim_iccid,
                       sim_status, data_limit_mb, billing_cycle_start, ip_address, msisdn))
inline std::vector<std::string_view> optional_members(json::As<SetConnection>) {
  return {"connection_type"};
}
inline auto constraints(json::As<SetConnection>) {
  using T = SetConnection;
  return json::rules<T>()
      .one_of(&T::connection_type, {"cellular", "ethernet", "wifi", "lora", "satellite", "other"})
      .length(&T::carrier_name, 0, 100)
      .length(&T::carrier_account_id, 0, 100)
      .length(&T::plan_name, 0, 100)
      .length(&T::apn, 0, 100)
      .length(&T::sim_iccid, 0, 30)
      .one_of(&T::sim_status, {"active", "suspended", "deactivated", "ready", "unknown"})
      .range(&T::data_limit_mb, 0, 1e12)
      .range(&T::billing_cycle_start, 1, 28)
      .length(&T::ip_address, 0, 45)
      .length(&T::msisdn, 0, 20);
}

/// RFC 9745, RFC 8594 and RFC 5829: since when it is deprecated, when it goes, what comes instead.
std::vector<std::pair<std::string, std::string>> farewell(const std::string& device_id) {
  return {{"Deprecation", "true"},
          {"Sunset", "Fri, 31 Dec 2027 23:59:59 GMT"},
          {"Link",
           "</api/v1/customer/devices/" + device_id + "/transports>; rel=\"successor-version\""}};
}

Task<http::WithHeaders<DeviceConnectionAnswer>> get_connection(FleetDeps, TenantCaller caller,
                                                               DeviceId id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      "SELECT * FROM device_connections WHERE device_id = $1", pg::Params::of(id.value));
  http::WithHeaders<DeviceConnectionAnswer> out;
  out.value.device_id = id.value;
  out.value.connection = pg::first_as<DeviceConnection>(rows);
  out.headers = farewell(id.value);
  co_return out;
}

/// Into the transport that the view shows; else the primary one; else a new one. What carriers
/// report stays.
Task<http::WithHeaders<DeviceConnection>> put_connection(FleetDeps d, TenantCaller caller,
                                                         DeviceId id,
                                                         http::Body<SetConnection> body) {
  auto given = boost::json::parse(json::to_text(body.value)).as_object();
  given.erase("connection_type");
  auto tx = co_await caller.db.begin();
  co_await lock_device(tx, id.value);
  co_await tx.query(
      "INSERT INTO device_transports (tenant_id, device_id, ingestion_protocol) "
      "SELECT $1, $2, 'mqtt_direct' WHERE NOT EXISTS "
      "(SELECT FROM device_transports WHERE device_id = $2)",
      pg::Params::of(caller.tenant(), id.value));
  co_await tx.query(
      "UPDATE device_transports SET physical_connectivity = $2, "
      "connectivity_config = connectivity_config || $3::jsonb, updated_at = now() "
      "WHERE id = coalesce((SELECT id FROM device_connections WHERE device_id = $1), "
      "(SELECT id FROM device_transports WHERE device_id = $1 ORDER BY is_primary DESC, id "
      "LIMIT 1))",
      pg::Params::of(id.value, body->connection_type, json::to_text(given)));
  const auto rows = co_await tx.query("SELECT * FROM device_connections WHERE device_id = $1",
                                      pg::Params::of(id.value));
  http::WithHeaders<DeviceConnection> out;
  out.value = pg::row_as<DeviceConnection>(rows, 0);
  out.headers = farewell(id.value);
  co_await tx.commit();
  tell_pages(d, caller.tenant(), "devices");
  boost::json::object details{{"connection_type", body->connection_type}};
  d.audit->write(AuditLog::of(caller, "device.connection_set", "update", "device", id.value,
                              "Connection of device " + id.value + " set", std::move(details)));
  co_return out;
}

Task<http::Response> delete_connection(FleetDeps d, TenantCaller caller, DeviceId id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      "UPDATE device_transports SET physical_connectivity = NULL, connectivity_config = '{}', "
      "carrier_integration_id = NULL, updated_at = now() WHERE id = "
      "(SELECT id FROM device_connections WHERE device_id = $1) RETURNING id",
      pg::Params::of(id.value));
  if (!rows.empty()) {
    tell_pages(d, caller.tenant(), "devices");
    d.audit->write(AuditLog::of(caller, "device.connection_removed", "delete", "device", id.value,
                                "Connection of device " + id.value + " removed"));
  }
  http::Response out;
  out.status = 204;
  for (const auto& [name, value] : farewell(id.value)) out.headers.add(name, value);
  co_return out;
}

}  // namespace

void mount_connection(http::Router& api, const FleetDeps& d) {
  const std::string path = "/api/v1/customer/devices/{device_id}/connection";
  const std::string words = "Deprecated: `transports` tells and takes the same.";
  api.get(path, http::bound(d, get_connection))
      .customers()
      .tag("Transports")
      .summary("How a device is connected (deprecated)")
      .description(words)
      .fails(404, "Device not found");
  api.put(path, http::bound(d, put_connection))
      .needs("devices.update")
      .tag("Transports")
      .summary("Set how a device is connected (deprecated)")
      .description(words)
      .fails(404, "Device not found");
  api.del(path, http::bound(d, delete_connection))
      .needs("devices.update")
      .tag("Transports")
      .summary("Forget how a device is connected (deprecated)")
      .description(words)
      .success(204)
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
