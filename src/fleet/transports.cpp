// Transports: by which protocols a device reaches us, and over what. One is the primary one.
#include "fleet/transports.hpp"

#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;
using TransportId = http::Path<"transport_id", std::int32_t>;

struct CarrierRef {
  std::int64_t id = 0;
  std::string display_name, carrier_name;
};
BOOST_DESCRIBE_STRUCT(CarrierRef, (), (id, display_name, carrier_name))
struct DeviceTransport {
  std::int64_t id = 0;
  std::string device_id, ingestion_protocol;
  std::optional<std::string> physical_connectivity;
  boost::json::object protocol_config, connectivity_config;
  std::optional<CarrierRef> carrier_integration;
  bool is_primary = false;
  std::string status;
  std::optional<Time> last_connected_at;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(DeviceTransport, (),
                      (id, device_id, ingestion_protocol, physical_connectivity, protocol_config,
                       connectivity_config, carrier_integration, is_primary, status,
                       last_connected_at, created_at, updated_at))
struct DeviceTransports {
  std::string device_id;
  std::vector<DeviceTransport> transports;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceTransports, (), (device_id, transports, total))

inline std::vector<std::string> connectivities() {
  return {"cellular", "ethernet", "wifi", "satellite", "lora", "other"};
}
struct CreateTransport {
  std::string ingestion_protocol;
  std::optional<std::string> physical_connectivity;
  boost::json::object protocol_config, connectivity_config;
  std::optional<std::int32_t> carrier_integration_id;
  bool is_primary = true;
  std::string status = "active";
};
BOOST_DESCRIBE_STRUCT(CreateTransport, (),
                      (ingestion_protocol, physical_connectivity, protocol_config,
                       connectivity_config, carrier_integration_id, is_primary, status))
inline std::vector<std::string_view> optional_members(json::As<CreateTransport>) {
  return {"protocol_config", "connectivity_config", "is_primary", "status"};
}
inline auto constraints(json::As<CreateTransport>) {
  using T = CreateTransport;
  return json::rules<T>()
      .one_of(&T::ingestion_protocol,
              {"mqtt_direct", "http_api", "lorawan", "gateway_proxy", "modbus_rtu"})
      .one_of(&T::physical_connectivity, connectivities())
      .one_of(&T::status, {"active", "inactive", "failover"});
}
struct ChangeTransport {
  json::Patch<std::string> physical_connectivity;
  std::optional<boost::json::object> protocol_config, connectivity_config;
  json::Patch<std::int32_t> carrier_integration_id;
  std::optional<bool> is_primary;
  std::optional<std::string> status;
};
BOOST_DESCRIBE_STRUCT(ChangeTransport, (),
                      (physical_connectivity, protocol_config, connectivity_config,
                       carrier_integration_id, is_primary, status))
inline auto constraints(json::As<ChangeTransport>) {
  using T = ChangeTransport;
  return json::rules<T>()
      .one_of(&T::physical_connectivity, connectivities())
      .one_of(&T::status, {"active", "inactive", "failover"});
}

const std::string select_transports =
    "SELECT t.*, CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'display_name', "
    "c.display_name, 'carrier_name', c.carrier_name) END AS carrier_integration "
    "FROM device_transports t LEFT JOIN carrier_integrations c ON c.id = t.carrier_integration_id ";

Task<DeviceTransport> transport_by_id(pg::Transaction& tx, std::int64_t id) {
  const auto rows = co_await tx.query(select_transports + "WHERE t.id = $1", pg::Params::of(id));
  co_return pg::row_as<DeviceTransport>(rows, 0);
}

/// Linking a SIM has a permission of its own.
Task<> require_carrier(pg::Transaction& tx, TenantCaller caller, std::optional<std::int32_t> id) {
  if (!id) co_return;
  if (!caller.may("carrier.links.write"))
    throw forbidden("carrier_integration_id needs the permission carrier.links.write");
  const auto rows =
      co_await tx.query("SELECT 1 FROM carrier_integrations WHERE id = $1", pg::Params::of(*id));
  if (rows.empty()) throw not_found("Carrier integration not found");
}

/// Throws 404 when there is none; 403 where `link` says that the link of a linked SIM is touched,
/// and the caller may not.
Task<> require_transport(pg::Transaction& tx, TenantCaller caller, std::string device_id,
                         std::int32_t id, bool link) {
  const auto rows = co_await tx.query(
      "SELECT carrier_integration_id FROM device_transports WHERE id = $1 AND device_id = $2",
      pg::Params::of(id, device_id));
  if (rows.empty()) throw not_found("Transport not found");
  if (link && !rows.null(0, 0) && !caller.may("carrier.links.write"))
    throw forbidden(
        "The transport is linked to a SIM: that needs the permission carrier.links.write");
}

Task<DeviceTransports> list_transports(FleetDeps, TenantCaller caller, DeviceId id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      select_transports + "WHERE t.device_id = $1 ORDER BY t.is_primary DESC, t.id",
      pg::Params::of(id.value));
  DeviceTransports out;
  out.device_id = id.value;
  out.transports = pg::rows_as<DeviceTransport>(rows);
  out.total = static_cast<std::int64_t>(out.transports.size());
  co_return out;
}

/// A device has one transport a protocol: what is there already becomes what is asked for. The link
/// to a SIM stays; it ends where it was made.
Task<http::Created<DeviceTransport>> put_transport(FleetDeps d, TenantCaller caller, DeviceId id,
                                                   http::Body<CreateTransport> body) {
  auto tx = co_await caller.db.begin();
  co_await lock_device(tx, id.value);
  co_await require_carrier(tx, caller, body->carrier_integration_id);
  if (body->is_primary)
    co_await tx.query("UPDATE device_transports SET is_primary = false WHERE device_id = $1",
                      pg::Params::of(id.value));
  std::vector<std::pair<std::string, std::string>> also{{"tenant_id", caller.tenant()},
                                                        {"device_id", id.value}};
  auto statement =
      pg::insert_of("device_transports", body.value, also,
                    "ON CONFLICT (tenant_id, device_id, ingestion_protocol) DO UPDATE "
                    "SET physical_connectivity = excluded.physical_connectivity, "
                    "protocol_config = excluded.protocol_config, "
                    "connectivity_config = excluded.connectivity_config || "
                    "jsonb_strip_nulls(jsonb_build_object('carrier_device_id', "
                    "device_transports.connectivity_config -> 'carrier_device_id')), "
                    "carrier_integration_id = coalesce(excluded.carrier_integration_id, "
                    "device_transports.carrier_integration_id), "
                    "is_primary = excluded.is_primary, status = excluded.status, "
                    "updated_at = now() RETURNING id");
  const auto rows = co_await tx.query(statement.first, statement.second);
  co_await keep_a_primary(tx, id.value);
  auto made = co_await transport_by_id(tx, rows.int64(0, 0));
  co_await tx.commit();
  tell_pages(d, caller.tenant(), "devices");
  boost::json::object details{{"transport_id", made.id},
                              {"ingestion_protocol", made.ingestion_protocol}};
  d.audit->write(AuditLog::of(caller, "device.transport_set", "update", "device", id.value,
                              "Device " + id.value + " reaches us by " + made.ingestion_protocol,
                              std::move(details)));
  co_return http::Created<DeviceTransport>{std::move(made)};
}

Task<DeviceTransport> change_transport(FleetDeps d, TenantCaller caller, DeviceId id,
                                       TransportId transport, http::Body<ChangeTransport> body) {
  auto change = pg::change_of(body.value);
  if (change.empty()) throw bad_request("No fields to update");
  change.also("updated_at = now()");
  auto tx = co_await caller.db.begin();
  co_await lock_device(tx, id.value, "Transport not found");
  const bool link = body->carrier_integration_id.present || body->connectivity_config;
  co_await require_transport(tx, caller, id.value, transport.value, link);
  co_await require_carrier(tx, caller, body->carrier_integration_id.value);
  if (body->is_primary.value_or(false))
    co_await tx.query(
        "UPDATE device_transports SET is_primary = false WHERE device_id = $1 AND id <> $2",
        pg::Params::of(id.value, transport.value));
  auto statement = change.in("device_transports", "id = ?", transport.value);
  const auto rows = co_await tx.query(statement.first, statement.second);
  co_await keep_a_primary(tx, id.value);
  auto out = co_await transport_by_id(tx, transport.value);
  co_await tx.commit();
  tell_pages(d, caller.tenant(), "devices");
  d.audit->write(
      AuditLog::of(caller, "device.transport_changed", "update", "device", id.value,
                   "Transport " + out.ingestion_protocol + " of device " + id.value + " changed",
                   pg::RowChange::told(rows)));
  co_return out;
}

Task<http::NoContent> remove_transport(FleetDeps d, TenantCaller caller, DeviceId id,
                                       TransportId transport) {
  auto tx = co_await caller.db.begin();
  co_await lock_device(tx, id.value, "Transport not found");
  co_await require_transport(tx, caller, id.value, transport.value, true);
  const auto rows = co_await tx.query(
      "DELETE FROM device_transports WHERE id = $1 AND device_id = $2 "
      "RETURNING ingestion_protocol",
      pg::Params::of(transport.value, id.value));
  if (rows.empty()) throw not_found("Transport not found");
  co_await keep_a_primary(tx, id.value);
  co_await tx.commit();
  tell_pages(d, caller.tenant(), "devices");
  boost::json::object details{{"transport_id", transport.value}};
  d.audit->write(AuditLog::of(
      caller, "device.transport_removed", "delete", "device", id.value,
      "Transport " + std::string(rows.text(0, 0)) + " of device " + id.value + " removed",
      std::move(details)));
  co_return http::NoContent{};
}

}  // namespace

Task<> lock_device(pg::Transaction& tx, std::string device_id, std::string otherwise) {
  const auto rows = co_await tx.query(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED' FOR NO KEY "
      "UPDATE",
      pg::Params::of(device_id));
  if (rows.empty()) throw not_found(otherwise);
}

Task<> keep_a_primary(pg::Transaction& tx, std::string device_id) {
  co_await tx.query(
      "UPDATE device_transports SET is_primary = true WHERE id = (SELECT id FROM "
      "device_transports WHERE device_id = $1 ORDER BY status <> 'active', id LIMIT 1) "
      "AND NOT EXISTS (SELECT FROM device_transports WHERE device_id = $1 AND is_primary)",
      pg::Params::of(device_id));
}

void mount_transports(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/transports";
  api.get(base, http::bound(d, list_transports))
      .customers()
      .tag("Transports")
      .summary("How a device reaches us, the primary way first")
      .fails(404, "Device not found");
  api.post(base, http::bound(d, put_transport))
      .needs("devices.update")
      .tag("Transports")
      .summary("Add a transport, or set the one of the same protocol")
      .fails(404, "Device not found");
  api.put(base + "/{transport_id}", http::bound(d, change_transport))
      .needs("devices.update")
      .tag("Transports")
      .summary("Change a transport")
      .fails(400, "No fields to update")
      .fails(404, "Transport not found");
  api.del(base + "/{transport_id}", http::bound(d, remove_transport))
      .needs("devices.update")
      .tag("Transports")
      .summary("Remove a transport")
      .description("When it was the primary one, the oldest of the others is.")
      .fails(404, "Transport not found");
}

}  // namespace pulse::fleet
