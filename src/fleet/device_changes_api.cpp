#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr Rate creates_per_tenant{0.5, 30};  // 30 a minute

struct DeviceOnly {
  std::string tenant_id;
  DeviceAlone device;
};
BOOST_DESCRIBE_STRUCT(DeviceOnly, (), (tenant_id, device))
struct DeletedDevice {
  std::string device_id, status = "deleted";
};
BOOST_DESCRIBE_STRUCT(DeletedDevice, (), (device_id, status))
struct Decommissioned {
  std::string device_id;
  Time decommissioned_at;
};
BOOST_DESCRIBE_STRUCT(Decommissioned, (), (device_id, decommissioned_at))
struct Restored {
  std::string device_id, status = "ACTIVE";
};
BOOST_DESCRIBE_STRUCT(Restored, (), (device_id, status))

Task<http::Created<CreatedDevice>> create_device(FleetDeps d, TenantCaller caller,
                                                 http::Body<CreateDevice> body) {
  if (const auto wait = d.creates->take(caller.tenant(), creates_per_tenant))
    throw too_many("At most 30 devices a minute", static_cast<int>(wait / 1000 + 1));
  auto created = co_await insert_device(caller.db, caller.tenant(), body.value, caller.who.user_id);
  changed(d, caller.tenant(), body->device_id);
  d.audit->write(AuditLog::of(caller, "device.created", "create", "device", body->device_id,
                              "Device " + body->device_id + " created"));
  co_return http::Created<CreatedDevice>{std::move(created)};
}

bool says_nothing(const DeviceChanges& c) {
  bool any = false;
  boost::mp11::mp_for_each<json::described_members<DeviceChanges>>(
      [&](auto member) { any = any || (c.*member.pointer).present; });
  return !any;
}

Task<DeviceOnly> patch_device(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                              http::Body<DeviceChanges> body) {
  if (says_nothing(body.value)) throw bad_request("No fields provided");
  auto changes = co_await update_device(caller.db, caller.tenant(), id.value, body.value);
  changed(d, caller.tenant(), id.value);
  d.audit->write(AuditLog::of(caller, "device.updated", "update", "device", id.value,
                              "Device " + id.value + " updated", std::move(changes)));
  auto device = co_await find_device(caller.db, id.value);
  if (!device) throw not_found("Device not found");
  co_return DeviceOnly{caller.tenant(), std::move(static_cast<DeviceAlone&>(*device))};
}

Task<DeletedDevice> delete_device(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id) {
  const bool gone = co_await mark_deleted(caller.db, id.value, caller.who.user_id);
  if (!gone) throw not_found("Device not found");
  changed(d, caller.tenant(), id.value);
  d.audit->write(AuditLog::of(caller, "device.deleted", "delete", "device", id.value,
                              "Device " + id.value + " deleted"));
  co_return DeletedDevice{id.value};
}

Task<Decommissioned> decommission_device(FleetDeps d, TenantCaller caller,
                                         http::Path<"device_id"> id) {
  const auto at = co_await decommission(caller.db, id.value);
  if (!at) throw not_found("Device not found or already decommissioned");
  changed(d, caller.tenant(), id.value);
  d.audit->write(AuditLog::of(
      caller, "device.decommissioned", "decommission", "device", id.value,
      "Device " + id.value + " decommissioned; its tokens and certificates are revoked"));
  co_return Decommissioned{id.value, *at};
}

Task<Restored> restore_device(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id) {
  const bool back = co_await restore(caller.db, id.value);
  if (!back) throw not_found("Device not found or not decommissioned");
  changed(d, caller.tenant(), id.value);
  d.audit->write(AuditLog::of(caller, "device.restored", "restore", "device", id.value,
                              "Device " + id.value + " restored"));
  co_return Restored{id.value};
}

}  // namespace

void mount_device_changes(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices";
  const std::string one = base + "/{device_id}";
  api.post(base, http::bound(d, create_device))
      .needs("devices.create")
      .tag("Devices")
      .summary("Register a device")
      .description("The device gets its credential by `tokens/rotate`.")
      .fails(400, "Invalid plan_id")
      .fails(404, "Template not found")
      .fails(409, "Device already exists")
      .fails(429, "At most 30 devices a minute")
      .example({{"device_id", "pump-01"}, {"site_id", "warehouse-7"}});
  api.patch(one, http::bound(d, patch_device))
      .needs("devices.update")
      .tag("Devices")
      .summary("Change a device")
      .fails(400, "No fields provided")
      .fails(404, "Device not found");
  api.del(one, http::bound(d, delete_device))
      .needs("devices.delete")
      .tag("Devices")
      .summary("Delete a device")
      .description("Its history stays; its id may be given again.")
      .fails(404, "Device not found");
  api.patch(one + "/decommission", http::bound(d, decommission_device))
      .needs("devices.decommission")
      .tag("Devices")
      .summary("Take a device out of service")
      .description("Its tokens and certificates are revoked.")
      .fails(404, "Device not found or already decommissioned");
  api.patch(one + "/restore", http::bound(d, restore_device))
      .needs("devices.decommission")
      .tag("Devices")
      .summary("Undo a decommission")
      .description("The device needs a new token (`tokens/rotate`) or certificate.")
      .fails(404, "Device not found or not decommissioned");
}

}  // namespace pulse::fleet
