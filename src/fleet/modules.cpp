#include "fleet/modules.hpp"

#include "fleet/mounts.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;
using ModuleId = http::Path<"module_id", std::int32_t>;

struct ModuleTemplateRef {
  std::int64_t id = 0;
  std::string name, slug;
};
BOOST_DESCRIBE_STRUCT(ModuleTemplateRef, (), (id, name, slug))
struct DeviceModule {
  std::int64_t id = 0;
  std::string slot_key;
  std::optional<std::string> bus_address;
  std::optional<ModuleTemplateRef> module_template;
  std::string label;
  std::optional<std::string> serial_number;
  std::map<std::string, std::string> metric_key_map;
  std::string status;
  Time installed_at;
};
BOOST_DESCRIBE_STRUCT(DeviceModule, (),
                      (id, slot_key, bus_address, module_template, label, serial_number,
                       metric_key_map, status, installed_at))
struct DeviceModules {
  std::string device_id;
  std::vector<DeviceModule> modules;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceModules, (), (device_id, modules, total))
struct ModuleQuery {
  bool include_removed = false;
};
BOOST_DESCRIBE_STRUCT(ModuleQuery, (), (include_removed))

const std::string select_modules =
    "SELECT m.*, CASE WHEN t.id IS NOT NULL THEN jsonb_build_object('id', t.id, 'name', t.name, "
    "'slug', t.slug) END AS module_template FROM device_modules m "
    "LEFT JOIN device_templates t ON t.id = m.module_template_id ";

Task<DeviceModule> module_of(pg::Transaction& tx, std::int64_t id) {
  const auto rows = co_await tx.query(select_modules + "WHERE m.id = $1", pg::Params::of(id));
  co_return pg::row_as<DeviceModule>(rows, 0);
}

Task<DeviceModules> list_modules(FleetDeps, TenantCaller caller, DeviceId id,
                                 http::Query<ModuleQuery> query) {
  co_await require_device(caller.db, id.value);
  const auto rows =
      co_await caller.db.query(select_modules +
                                   "WHERE m.device_id = $1 AND ($2 OR m.status <> 'removed') "
                                   "ORDER BY m.slot_key, m.bus_address, m.id",
                               pg::Params::of(id.value, query->include_removed));
  DeviceModules out;
  out.device_id = id.value;
  out.modules = pg::rows_as<DeviceModule>(rows);
  out.total = static_cast<std::int64_t>(out.modules.size());
  co_return out;
}

/// The device's row is locked: who installs at the same time waits, so that a slot can't overflow.
Task<> require_room(pg::Transaction& tx, std::string device_id, CreateModule body) {
  const auto device = co_await tx.query(
      "SELECT template_id FROM device_registry WHERE device_id = $1 AND status <> 'DELETED' "
      "FOR NO KEY UPDATE",
      pg::Params::of(device_id));
  if (device.empty()) throw not_found("Device not found");
  const auto slot = co_await tx.query(
      "SELECT s.max_devices, $3::integer IS NULL OR s.compatible_templates IS NULL "
      "OR $3::integer = ANY (s.compatible_templates) AS fits, "
      "(SELECT count(*) FROM device_modules m WHERE m.device_id = $1 AND m.slot_key = s.slot_key "
      "AND m.status <> 'removed') AS taken FROM template_slots s JOIN device_registry r "
      "ON r.template_id = s.template_id WHERE r.device_id = $1 AND s.slot_key = $2",
      pg::Params::of(device_id, body.slot_key, body.module_template_id));
  if (slot.empty()) throw bad_request("Slot key not found in device template");
  if (body.module_template_id) {
    const auto module = co_await tx.query("SELECT category FROM device_templates WHERE id = $1",
                                          pg::Params::of(*body.module_template_id));
    if (module.empty()) throw not_found("Module template not found");
    if (module.text(0, 0) != "expansion_module")
      throw bad_request("module_template_id must be an expansion_module template");
    if (!slot.boolean(0, 1)) throw bad_request("Module template is not compatible with this slot");
  }
  if (!slot.null(0, 0) && slot.int64(0, 2) >= slot.int64(0, 0)) throw conflict("Slot full");
}

// A metric's sensor has the name under which the metric is stored: what the map makes of it, or,
// where the module has one metric and the map one entry, what that entry makes of whatever is sent.
// A sensor that is there already becomes the module's where it was nobody's, and counts again.
constexpr const char* add_module_sensors = R"sql(
  WITH metrics AS (
    SELECT m.*, count(*) OVER () AS how_many FROM template_metrics m
    WHERE m.template_id = $4 AND m.is_required
  ), named AS (
    SELECT m.*, CASE
        WHEN $5::jsonb ? m.metric_key THEN $5::jsonb ->> m.metric_key
        WHEN m.how_many = 1 AND (SELECT count(*) FROM jsonb_object_keys($5::jsonb)) = 1
          THEN (SELECT value FROM jsonb_each_text($5::jsonb))
        ELSE m.metric_key END AS stored_key
    FROM metrics m
  )
  INSERT INTO device_sensors AS k (tenant_id, device_id, metric_key, display_name, sensor_type, unit,
    min_range, max_range, precision_digits, source, template_metric_id, device_module_id)
  SELECT DISTINCT ON (n.stored_key) $1, $2, n.stored_key,
    CASE WHEN n.how_many = 1 THEN $6 ELSE left($6 || ': ' || n.display_name, 200) END, n.data_type,
    n.unit, n.min_value, n.max_value, n.precision_digits, 'required', n.id, $3::integer
  FROM named n ORDER BY n.stored_key, n.sort_order
  ON CONFLICT (tenant_id, device_id, metric_key) DO UPDATE SET status = 'active', source = 'required',
    template_metric_id = coalesce(k.template_metric_id, excluded.template_metric_id),
    device_module_id = coalesce(k.device_module_id, excluded.device_module_id)
)sql";

Task<http::Created<DeviceModule>> install_module(FleetDeps d, TenantCaller caller, DeviceId id,
                                                 http::Body<CreateModule> body) {
  auto tx = co_await caller.db.begin();
  co_await require_room(tx, id.value, body.value);
  std::vector<std::pair<std::string, std::string>> also{{"tenant_id", caller.tenant()},
                                                        {"device_id", id.value}};
  auto statement =
      pg::insert_of("device_modules", body.value, also, "ON CONFLICT DO NOTHING RETURNING id");
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw conflict("Module already exists in this slot/address");
  if (body->module_template_id)
    co_await tx.query(
        add_module_sensors,
        pg::Params::of(caller.tenant(), id.value, rows.int64(0, 0), *body->module_template_id,
                       json::to_text(body->metric_key_map), body->label));
  auto made = co_await module_of(tx, rows.int64(0, 0));
  co_await tx.commit();
  changed(d, caller.tenant(), id.value);
  boost::json::object details{{"module_id", made.id}, {"slot_key", made.slot_key}};
  d.audit->write(AuditLog::of(caller, "device.module_installed", "create", "device", id.value,
                              "Module " + made.label + " installed in device " + id.value,
                              std::move(details)));
  co_return http::Created<DeviceModule>{std::move(made)};
}

/// Its sensors measure nothing any more; those that came with it may be deleted.
Task<> silence_sensors(pg::Transaction& tx, std::int64_t module_id) {
  co_await tx.query(
      "UPDATE device_sensors SET status = 'inactive', source = 'optional', updated_at = now() "
      "WHERE device_module_id = $1",
      pg::Params::of(module_id));
}

Task<DeviceModule> change_module(FleetDeps d, TenantCaller caller, DeviceId id, ModuleId module,
                                 http::Body<ChangeModule> body) {
  auto change = pg::change_of(body.value);
  if (change.empty()) throw bad_request("No fields to update");
  change.also("updated_at = now()");
  auto tx = co_await caller.db.begin();
  auto statement = change.in("device_modules", "id = ? AND device_id = ? AND status <> 'removed'",
                             module.value, id.value);
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Module not found");
  if (body->status && *body->status == "removed") co_await silence_sensors(tx, module.value);
  auto out = co_await module_of(tx, module.value);
  co_await tx.commit();
  changed(d, caller.tenant(), id.value);
  d.audit->write(AuditLog::of(caller, "device.module_changed", "update", "device", id.value,
                              "Module " + out.label + " of device " + id.value + " changed",
                              pg::RowChange::told(rows)));
  co_return out;
}

Task<http::NoContent> remove_module(FleetDeps d, TenantCaller caller, DeviceId id,
                                    ModuleId module) {
  auto tx = co_await caller.db.begin();
  const auto rows = co_await tx.query(
      "UPDATE device_modules SET status = 'removed', updated_at = now() "
      "WHERE id = $1 AND device_id = $2 AND status <> 'removed' RETURNING label",
      pg::Params::of(module.value, id.value));
  if (rows.empty()) throw not_found("Module not found");
  co_await silence_sensors(tx, module.value);
  co_await tx.commit();
  changed(d, caller.tenant(), id.value);
  boost::json::object details{{"module_id", module.value}};
  d.audit->write(
      AuditLog::of(caller, "device.module_removed", "delete", "device", id.value,
                   "Module " + std::string(rows.text(0, 0)) + " removed from device " + id.value,
                   std::move(details)));
  co_return http::NoContent{};
}

}  // namespace

std::string fault_of_key_map(const std::map<std::string, std::string>& map) {
  if (map.size() > 100) return "must have at most 100 entries";
  for (const auto& [sent, stored] : map) {
    if (sent.empty() || sent.size() > 128) return "the name " + sent + " has 1 to 128 bytes";
    if (stored.empty() || stored.size() > 100 || !fault_of_key(stored, true).empty())
      return "what " + sent + " becomes must begin with a letter and go on with letters, digits " +
             "or '_', at most 100";
  }
  return {};
}

void mount_modules(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/modules";
  api.get(base, http::bound(d, list_modules))
      .customers()
      .tag("Modules")
      .summary("What is plugged into a device")
      .fails(404, "Device not found");
  api.post(base, http::bound(d, install_module))
      .needs("devices.update")
      .tag("Modules")
      .summary("Install a module in a slot of the device's template")
      .description("It brings the sensors that its template requires.")
      .fails(400, "Slot key not found in device template")
      .fails(404, "Device not found")
      .fails(409, "Slot full");
  api.put(base + "/{module_id}", http::bound(d, change_module))
      .needs("devices.update")
      .tag("Modules")
      .summary("Change a module")
      .description("A changed `metric_key_map` is felt by the next message.")
      .fails(400, "No fields to update")
      .fails(404, "Module not found");
  api.del(base + "/{module_id}", http::bound(d, remove_module))
      .needs("devices.update")
      .tag("Modules")
      .summary("Remove a module; its sensors become inactive")
      .fails(404, "Module not found");
}

}  // namespace pulse::fleet
