#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct DeviceAnswer {
  std::string tenant_id;
  boost::json::value device;
  std::vector<RecentMessage> events, telemetry;
};
BOOST_DESCRIBE_STRUCT(DeviceAnswer, (), (tenant_id, device, events, telemetry))

struct DeviceSummary {
  std::int64_t ONLINE = 0, STALE = 0, OFFLINE = 0, total = 0, total_sensors = 0, active_sensors = 0,
               sensor_types = 0, devices_with_sensors = 0, alerts_open = 0, alerts_new_1h = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceSummary, (),
                      (ONLINE, STALE, OFFLINE, total, total_sensors, active_sensors, sensor_types,
                       devices_with_sensors, alerts_open, alerts_new_1h))

/// The list's row and, in one object with it, what only the device page reads.
std::string detail_json(const DeviceDetail& d) {
  std::string out = json::to_text(static_cast<const DeviceAlone&>(d));
  out.pop_back();
  const auto put = [&](std::string_view name, const auto& value) {
    out.append(",\"").append(name).append("\":");
    json::write(out, value);
  };
  put("plan_name", d.plan_name);
  put("device_subscription_id", d.device_subscription_id);
  put("device_subscription_status", d.device_subscription_status);
  put("device_subscription_term_start", d.device_subscription_term_start);
  put("device_subscription_term_end", d.device_subscription_term_end);
  put("device_subscription_grace_end", d.device_subscription_grace_end);
  put("template", d.template_);
  put("sensors", d.sensors);
  put("module_count", d.module_count);
  put("template_fault", d.template_fault);
  put("connection", d.connection);
  put("health", d.health);
  return out + "}";
}

Task<DevicePage> list_devices(FleetDeps, TenantCaller caller, http::Query<DeviceQuery> query) {
  co_return co_await devices_matching(caller.db, caller.tenant(), query.value);
}

Task<http::Response> get_device(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id) {
  const auto device = co_await find_device(caller.db, id.value);
  if (!device) throw not_found("Device not found");
  const auto recent = co_await d.recent(caller.db, id.value);
  std::string out = "{\"tenant_id\":";
  json::write(out, caller.tenant());
  out += ",\"device\":" + detail_json(*device) + ",\"events\":";
  json::write(out, recent.events);
  out += ",\"telemetry\":";
  json::write(out, recent.telemetry);
  co_return http::Response::json(200, out + "}");
}

// Each count is an index's or a narrow table's. Who is ONLINE or STALE is ACTIVE: going out of
// service makes OFFLINE. Metrics are found by leaping from one to the next; of each, one active
// device is enough.
constexpr const char* summary_sql = R"sql(
  WITH RECURSIVE metrics AS (
    (SELECT metric_key FROM device_sensors ORDER BY metric_key LIMIT 1)
    UNION ALL
    SELECT (SELECT k.metric_key FROM device_sensors k WHERE k.metric_key > m.metric_key
            ORDER BY k.metric_key LIMIT 1)
    FROM metrics m WHERE m.metric_key IS NOT NULL
  ), devices AS MATERIALIZED (
    SELECT (SELECT count(*) FROM device_registry WHERE status = 'ACTIVE') AS total,
           (SELECT count(*) FROM device_state WHERE status = 'ONLINE') AS online,
           (SELECT count(*) FROM device_state WHERE status = 'STALE') AS stale
  ), all_sensors AS (
    SELECT coalesce(sum(total), 0) AS total, coalesce(sum(active), 0) AS active,
           count(*) FILTER (WHERE total > 0) AS devices
    FROM device_sensor_counts
  ), out_of_service AS (
    SELECT coalesce(sum(c.total), 0) AS total, coalesce(sum(c.active), 0) AS active,
           count(*) FILTER (WHERE c.total > 0) AS devices
    FROM device_registry r JOIN device_sensor_counts c USING (tenant_id, device_id)
    WHERE r.status <> 'ACTIVE'
  )
  SELECT d.online AS "ONLINE", d.stale AS "STALE", d.total - d.online - d.stale AS "OFFLINE", d.total,
    a.total - o.total AS total_sensors, a.active - o.active AS active_sensors,
    a.devices - o.devices AS devices_with_sensors,
    (SELECT count((SELECT k.device_id FROM device_sensors k JOIN device_registry r USING (tenant_id, device_id)
                   WHERE k.metric_key = m.metric_key AND r.status = 'ACTIVE' LIMIT 1))
     FROM metrics m WHERE m.metric_key IS NOT NULL) AS sensor_types,
    (SELECT count(*) FROM fleet_alert WHERE status = 'OPEN') AS alerts_open,
    (SELECT count(*) FROM fleet_alert WHERE created_at > now() - interval '1 hour') AS alerts_new_1h
  FROM devices d, all_sensors a, out_of_service o
)sql";

Task<DeviceSummary> device_summary(FleetDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(summary_sql);
  co_return pg::row_as<DeviceSummary>(rows, 0);
}

}  // namespace

void mount_devices(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices";
  api.get(base, http::bound(d, list_devices))
      .customers()
      .tag("Devices")
      .summary("List devices")
      .description(
          "Ordered by site and device. Page by `offset`, or by `cursor` from "
          "`next_cursor`, which stays fast however far it goes. `q` takes the search language; a "
          "malformed term is a 400 that names it and its position.")
      .fails(400, "Invalid status value");
  api.get(base + "/summary", http::bound(d, device_summary))
      .customers()
      .tag("Devices")
      .summary("Counts by status, and of sensors");
  api.get(base + "/{device_id}", http::bound(d, get_device))
      .customers()
      .tag("Devices")
      .summary("One device with its state, sensors and recent messages")
      .returns<DeviceAnswer>()
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
