// Attributes of the owner's own: a small document beside the registry's fields.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/json/changes.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

constexpr std::size_t most_bytes = 16 * 1024;

struct Attributes {
  boost::json::object attributes;
};
BOOST_DESCRIBE_STRUCT(Attributes, (), (attributes))
inline auto constraints(json::As<Attributes>) {
  return json::rules<Attributes>().check("attributes", [](const Attributes& a) -> std::string {
    return json::to_text(a.attributes).size() > most_bytes ? "must have at most 16 KiB as JSON"
                                                           : "";
  });
}
struct DeviceAttributes {
  std::string device_id;
  boost::json::object attributes;
};
BOOST_DESCRIBE_STRUCT(DeviceAttributes, (), (device_id, attributes))

Task<DeviceAttributes> get_attributes(FleetDeps, TenantCaller caller, DeviceId id) {
  const auto rows = co_await caller.db.query(
      "SELECT r.device_id, coalesce(a.attributes, '{}') AS attributes FROM device_registry r "
      "LEFT JOIN device_extended_attributes a USING (tenant_id, device_id) "
      "WHERE r.device_id = $1 AND r.status <> 'DELETED'",
      pg::Params::of(id.value));
  if (rows.empty()) throw not_found("Device not found");
  co_return pg::row_as<DeviceAttributes>(rows, 0);
}

Task<DeviceAttributes> put_attributes(FleetDeps d, TenantCaller caller, DeviceId id,
                                      http::Body<Attributes> body) {
  const auto before = co_await get_attributes(d, caller, id);
  co_await caller.db.query(
      "INSERT INTO device_extended_attributes (tenant_id, device_id, attributes) "
      "VALUES ($1, $2, $3) ON CONFLICT (tenant_id, device_id) DO UPDATE "
      "SET attributes = excluded.attributes",
      pg::Params::of(caller.tenant(), id.value, json::to_text(body->attributes)));
  tell_pages(d, caller.tenant(), "devices");
  auto told = json::changes_between(before.attributes, body->attributes);
  d.audit->write(AuditLog::of(caller, "device.attributes_set", "update", "device", id.value,
                              "Attributes of device " + id.value + " set", std::move(told)));
  co_return DeviceAttributes{id.value, std::move(body->attributes)};
}

}  // namespace

void mount_device_attributes(http::Router& api, const FleetDeps& d) {
  const std::string path = "/api/v1/customer/devices/{device_id}/attributes";
  api.get(path, http::bound(d, get_attributes))
      .customers()
      .tag("Devices")
      .summary("Attributes of your own")
      .fails(404, "Device not found");
  api.put(path, http::bound(d, put_attributes))
      .needs("devices.update")
      .tag("Devices")
      .summary("Replace a device's own attributes")
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
