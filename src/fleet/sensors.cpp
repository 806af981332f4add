// Sensors: what a device measures, as people named it. Required ones come from its template and its
// modules, optional ones are added by hand, unmodeled ones were seen in its messages.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "fleet/template_bodies.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;
using SensorId = http::Path<"sensor_id", std::int32_t>;

struct SensorQuery {
  std::optional<std::string> status, source;
};
BOOST_DESCRIBE_STRUCT(SensorQuery, (), (status, source))

struct DeviceSensor {
  std::int64_t id = 0;
  std::string device_id, metric_key, display_name, source;
  json::Raw template_metric, module;  ///< {id, metric_key, display_name}; {id, label}; or null
  std::optional<std::string> sensor_type, unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::string status;
  std::optional<double> last_value;
  std::optional<std::string> last_value_text;
  std::optional<Time> last_seen_at;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(DeviceSensor, (),
                      (id, device_id, metric_key, display_name, source, template_metric, module,
                       sensor_type, unit, min_range, max_range, precision_digits, status,
                       last_value, last_value_text, last_seen_at, created_at, updated_at))
struct DeviceSensorList {
  std::string device_id;
  std::vector<DeviceSensor> sensors;
  std::int64_t total = 0, sensor_limit = 20;
};
BOOST_DESCRIBE_STRUCT(DeviceSensorList, (), (device_id, sensors, total, sensor_limit))

/// A sensor under the older names.
struct FleetSensor {
  std::int64_t sensor_id = 0;
  std::string device_id, metric_name, sensor_type;
  std::optional<std::string> label, unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::string status;
  bool auto_discovered = false;
  std::optional<double> last_value;
  std::optional<Time> last_seen_at;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(FleetSensor, (),
                      (sensor_id, device_id, metric_name, sensor_type, label, unit, min_range,
                       max_range, precision_digits, status, auto_discovered, last_value,
                       last_seen_at, created_at))
struct FleetSensorPage {
  std::vector<FleetSensor> sensors;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(FleetSensorPage, (), (sensors, total, limit, offset))
struct FleetSensorQuery {
  std::optional<std::string> sensor_type, status, device_id;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(FleetSensorQuery, (), (sensor_type, status, device_id, limit, offset))
inline auto constraints(json::As<FleetSensorQuery>) {
  using T = FleetSensorQuery;
  return json::rules<T>()
      .range(&T::limit, 1, 200)
      .range(&T::offset, 0, 10'000'000)
      .describe(&T::status, "active, disabled or error");
}

struct CreateSensor {
  std::string metric_key, display_name;
  std::optional<std::int32_t> template_metric_id, device_module_id;
  std::optional<std::string> unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
};
BOOST_DESCRIBE_STRUCT(CreateSensor, (),
                      (metric_key, display_name, template_metric_id, device_module_id, unit,
                       min_range, max_range, precision_digits))
inline std::vector<std::string_view> optional_members(json::As<CreateSensor>) {
  return {"precision_digits"};
}
std::string fault_of_ranges(const std::optional<double>& min, const std::optional<double>& max) {
  return min && max && *min > *max ? "must not be above max_range" : "";
}
inline auto constraints(json::As<CreateSensor>) {
  using T = CreateSensor;
  return json::rules<T>()
      .length(&T::metric_key, 1, 100)
      .length(&T::display_name, 1, 200)
      .length(&T::unit, 0, 20)
      .range(&T::precision_digits, 0, 6)
      .check("metric_key", [](const T& t) { return fault_of_key(t.metric_key, true); })
      .check("min_range", [](const T& t) { return fault_of_ranges(t.min_range, t.max_range); });
}

struct ChangeSensor {
  std::optional<std::string> display_name;
  json::Patch<std::string> unit;
  json::Patch<double> min_range, max_range;
  std::optional<std::int64_t> precision_digits;
  std::optional<std::string> status;
};
BOOST_DESCRIBE_STRUCT(ChangeSensor, (),
                      (display_name, unit, min_range, max_range, precision_digits, status))
inline auto constraints(json::As<ChangeSensor>) {
  using T = ChangeSensor;
  return json::rules<T>()
      .length(&T::display_name, 1, 200)
      .length(&T::unit, 0, 20)
      .range(&T::precision_digits, 0, 6)
      .one_of(&T::status, {"active", "inactive"})
      .check("min_range",
             [](const T& t) { return fault_of_ranges(t.min_range.value, t.max_range.value); });
}

constexpr const char* select_sensors = R"sql(
  SELECT k.*,
    CASE WHEN m.id IS NOT NULL THEN jsonb_build_object('id', m.id, 'metric_key', m.metric_key,
      'display_name', m.display_name) END AS template_metric,
    CASE WHEN o.id IS NOT NULL THEN jsonb_build_object('id', o.id, 'label', o.label) END AS module,
    CASE jsonb_typeof(s.state -> k.metric_key)
      WHEN 'number' THEN (s.state ->> k.metric_key)::float8
      WHEN 'boolean' THEN ((s.state ->> k.metric_key)::boolean)::integer::float8 END AS last_value,
    s.state ->> k.metric_key AS last_value_text,
    to_timestamp((s.state_times ->> k.metric_key)::bigint / 1000.0) AS last_seen_at
  FROM device_sensors k
  LEFT JOIN template_metrics m ON m.id = k.template_metric_id
  LEFT JOIN device_modules o ON o.id = k.device_module_id
  LEFT JOIN device_state s ON s.tenant_id = k.tenant_id AND s.device_id = k.device_id
)sql";

constexpr const char* limit_of_device =
    "SELECT coalesce(r.sensor_limit, (p.limits ->> 'sensors')::integer, 20), r.template_id "
    "FROM device_registry r LEFT JOIN device_plans p USING (plan_id) "
    "WHERE r.device_id = $1 AND r.status <> 'DELETED'";

Task<DeviceSensorList> list_sensors(FleetDeps, TenantCaller caller, DeviceId id,
                                    http::Query<SensorQuery> query) {
  pg::Clauses where(" AND ");
  where.add("k.device_id = ?", id.value);
  if (query->status) where.add("k.status = ?", *query->status);
  if (query->source) where.add("k.source = ?", *query->source);
  std::vector<pg::Statement> statements;
  statements.emplace_back(limit_of_device, pg::Params::of(id.value));
  statements.emplace_back(select_sensors + where.where() + " ORDER BY k.source = 'unmodeled', k.id",
                          where.params());
  const auto results = co_await caller.db.batch(std::move(statements));
  if (results[0].empty()) throw not_found("Device not found");
  DeviceSensorList out;
  out.device_id = id.value;
  out.sensor_limit = results[0].int64(0, 0);
  out.sensors = pg::rows_as<DeviceSensor>(results[1]);
  out.total = static_cast<std::int64_t>(out.sensors.size());
  co_return out;
}

Task<FleetSensorPage> list_fleet_sensors(FleetDeps, TenantCaller caller,
                                         http::Query<FleetSensorQuery> query) {
  pg::Clauses where(" AND ");
  where.add(
      "EXISTS (SELECT FROM device_registry r WHERE r.tenant_id = k.tenant_id "
      "AND r.device_id = k.device_id AND r.status <> 'DELETED')");
  if (query->sensor_type) where.add("k.sensor_type = ?", *query->sensor_type);
  if (query->status)
    where.add("k.status = CASE ? WHEN 'disabled' THEN 'inactive' ELSE ? END", *query->status,
              *query->status);
  if (query->device_id) where.add("k.device_id = ?", *query->device_id);
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT count(*) FROM device_sensors k" + where.where(), where.params());
  // The page is chosen before its values are looked up.
  pg::Clauses page = where;
  const auto limit = page.parameter(query->limit), offset = page.parameter(query->offset);
  statements.emplace_back("SELECT v.* FROM (SELECT k.id FROM device_sensors k" + page.where() +
                              " ORDER BY k.device_id, k.id LIMIT " + limit + " OFFSET " + offset +
                              ") chosen JOIN sensors v ON v.sensor_id = chosen.id "
                              "ORDER BY v.device_id, v.sensor_id",
                          page.params());
  const auto results = co_await caller.db.batch(std::move(statements));
  FleetSensorPage out;
  out.total = results[0].int64(0, 0);
  out.sensors = pg::rows_as<FleetSensor>(results[1]);
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

Task<DeviceSensor> sensor_by_id(pg::Transaction& tx, std::int64_t id) {
  const auto rows =
      co_await tx.query(select_sensors + std::string(" WHERE k.id = $1"), pg::Params::of(id));
  co_return pg::row_as<DeviceSensor>(rows, 0);
}

/// The references of a new sensor are the device's own.
Task<> check_references(pg::Transaction& tx, std::string device_id,
                        std::optional<std::int64_t> template_id, CreateSensor body) {
  if (body.template_metric_id) {
    if (!template_id) throw bad_request("Device has no template; cannot use template_metric_id");
    const auto rows =
        co_await tx.query("SELECT 1 FROM template_metrics WHERE id = $1 AND template_id = $2",
                          pg::Params::of(*body.template_metric_id, *template_id));
    if (rows.empty()) throw bad_request("template_metric_id does not belong to device template");
  }
  if (body.device_module_id) {
    const auto rows = co_await tx.query(
        "SELECT 1 FROM device_modules WHERE id = $1 AND device_id = $2 AND status <> 'removed'",
        pg::Params::of(*body.device_module_id, device_id));
    if (rows.empty()) throw bad_request("device_module_id does not belong to this device");
  }
}

Task<http::Created<DeviceSensor>> add_sensor(FleetDeps d, TenantCaller caller, DeviceId id,
                                             http::Body<CreateSensor> body) {
  auto tx = co_await caller.db.begin();
  // Who adds at the same time waits, so that the limit holds.
  const auto device = co_await tx.query(std::string(limit_of_device) + " FOR NO KEY UPDATE OF r",
                                        pg::Params::of(id.value));
  if (device.empty()) throw not_found("Device not found");
  std::optional<std::int64_t> template_id;
  if (!device.null(0, 1)) template_id = device.int64(0, 1);
  co_await check_references(tx, id.value, template_id, body.value);
  const auto there = co_await tx.query(
      "SELECT count(*), coalesce(bool_or(metric_key = $2), false) FROM device_sensors "
      "WHERE device_id = $1",
      pg::Params::of(id.value, body->metric_key));
  if (there.boolean(0, 1)) throw conflict("Sensor already exists on this device");
  if (there.int64(0, 0) >= device.int64(0, 0))
    throw forbidden("Sensor limit reached for this device plan");
  std::vector<std::pair<std::string, std::string>> also{
      {"tenant_id", caller.tenant()},
      {"device_id", id.value},
      {"source", body->template_metric_id ? "optional" : "unmodeled"}};
  auto statement = pg::insert_of("device_sensors", body.value, also, "RETURNING id");
  const auto rows = co_await tx.query(statement.first, statement.second);
  auto made = co_await sensor_by_id(tx, rows.int64(0, 0));
  co_await tx.commit();
  changed(d, caller.tenant(), id.value);
  boost::json::object details{{"sensor_id", made.id}, {"metric_key", made.metric_key}};
  d.audit->write(AuditLog::of(caller, "device.sensor_added", "create", "device", id.value,
                              "Sensor " + made.metric_key + " added to device " + id.value,
                              std::move(details)));
  co_return http::Created<DeviceSensor>{std::move(made)};
}

/// `device_id` empty: of any device.
Task<DeviceSensor> update_sensor(FleetDeps d, TenantCaller caller, std::string device_id,
                                 std::int64_t sensor_id, ChangeSensor body) {
  auto change = pg::change_of(body);
  if (change.empty()) throw bad_request("No fields to update");
  change.also("updated_at = now()");
  auto tx = co_await caller.db.begin();
  auto statement = change.in("device_sensors", "id = ? AND (? = '' OR device_id = ?)", sensor_id,
                             device_id, device_id);
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Sensor not found");
  auto out = co_await sensor_by_id(tx, sensor_id);
  if (auto fault = fault_of_ranges(out.min_range, out.max_range); !fault.empty())
    throw ValidationError({"body", "min_range"}, std::move(fault), "value_error");
  co_await tx.commit();
  changed(d, caller.tenant(), out.device_id);
  d.audit->write(
      AuditLog::of(caller, "device.sensor_changed", "update", "device", out.device_id,
                   "Sensor " + out.metric_key + " of device " + out.device_id + " changed",
                   pg::RowChange::told(rows)));
  co_return out;
}

Task<http::NoContent> delete_sensor(FleetDeps d, TenantCaller caller, std::string device_id,
                                    std::int64_t sensor_id) {
  auto tx = co_await caller.db.begin();
  const auto rows = co_await tx.query(
      "SELECT source, device_id, metric_key FROM device_sensors "
      "WHERE id = $1 AND ($2 = '' OR device_id = $2) FOR UPDATE",
      pg::Params::of(sensor_id, device_id));
  if (rows.empty()) throw not_found("Sensor not found");
  if (rows.text(0, 0) == "required")
    throw bad_request("Cannot delete a required sensor. Deactivate it instead.");
  co_await tx.query("DELETE FROM device_sensors WHERE id = $1", pg::Params::of(sensor_id));
  co_await tx.commit();
  const std::string device(rows.text(0, 1)), key(rows.text(0, 2));
  changed(d, caller.tenant(), device);
  boost::json::object details{{"sensor_id", sensor_id}, {"metric_key", key}};
  d.audit->write(AuditLog::of(caller, "device.sensor_deleted", "delete", "device", device,
                              "Sensor " + key + " of device " + device + " deleted",
                              std::move(details)));
  co_return http::NoContent{};
}

Task<DeviceSensor> change_sensor(FleetDeps d, TenantCaller caller, DeviceId id, SensorId sensor,
                                 http::Body<ChangeSensor> body) {
  return update_sensor(d, caller, id.value, sensor.value, std::move(body.value));
}
Task<DeviceSensor> change_fleet_sensor(FleetDeps d, TenantCaller caller, SensorId sensor,
                                       http::Body<ChangeSensor> body) {
  return update_sensor(d, caller, "", sensor.value, std::move(body.value));
}
Task<http::NoContent> remove_sensor(FleetDeps d, TenantCaller caller, DeviceId id,
                                    SensorId sensor) {
  return delete_sensor(d, caller, id.value, sensor.value);
}
Task<http::NoContent> remove_fleet_sensor(FleetDeps d, TenantCaller caller, SensorId sensor) {
  return delete_sensor(d, caller, "", sensor.value);
}

}  // namespace

void mount_sensors(http::Router& api, const FleetDeps& d) {
  const std::string of_device = "/api/v1/customer/devices/{device_id}/sensors";
  const std::string fleet = "/api/v1/customer/sensors";
  api.get(of_device, http::bound(d, list_sensors))
      .customers()
      .tag("Sensors")
      .summary("Sensors of a device")
      .fails(404, "Device not found");
  api.post(of_device, http::bound(d, add_sensor))
      .needs("devices.update")
      .tag("Sensors")
      .summary("Add a sensor")
      .fails(400, "template_metric_id does not belong to device template")
      .fails(403, "Sensor limit reached for this device plan")
      .fails(404, "Device not found")
      .fails(409, "Sensor already exists on this device");
  api.put(of_device + "/{sensor_id}", http::bound(d, change_sensor))
      .needs("devices.update")
      .tag("Sensors")
      .summary("Change a sensor")
      .fails(400, "No fields to update")
      .fails(404, "Sensor not found");
  api.del(of_device + "/{sensor_id}", http::bound(d, remove_sensor))
      .needs("devices.update")
      .tag("Sensors")
      .summary("Delete a sensor that nothing requires")
      .description("One whose values still come is there again with the next message.")
      .fails(400, "Cannot delete a required sensor. Deactivate it instead.")
      .fails(404, "Sensor not found");
  api.get(fleet, http::bound(d, list_fleet_sensors))
      .customers()
      .tag("Sensors")
      .summary("Sensors of the whole fleet");
  api.put(fleet + "/{sensor_id}", http::bound(d, change_fleet_sensor))
      .needs("devices.update")
      .tag("Sensors")
      .summary("Change a sensor, whatever its device")
      .fails(400, "No fields to update")
      .fails(404, "Sensor not found");
  api.del(fleet + "/{sensor_id}", http::bound(d, remove_fleet_sensor))
      .needs("devices.update")
      .tag("Sensors")
      .summary("Delete a sensor, whatever its device")
      .fails(400, "Cannot delete a required sensor. Deactivate it instead.")
      .fails(404, "Sensor not found");
}

}  // namespace pulse::fleet
