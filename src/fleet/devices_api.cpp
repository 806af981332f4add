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
               sensor_types = 0, devices_with_sensors = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceSummary, (),
                      (ONLINE, STALE, OFFLINE, total, total_sensors, active_sensors, sensor_types,
                       devices_with_sensors))

/// The list's row and, in one object with it, what only the device page reads.
std::string detail_json(const DeviceDetail& d) {
  std::string out = json::to_text(static_cast<const Device&>(d));
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
  put("connection", nullptr);
  put("health", nullptr);
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

Task<DeviceSummary> device_summary(FleetDeps, TenantCaller caller) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(R"sql(
    SELECT count(*) FILTER (WHERE s.status = 'ONLINE') AS "ONLINE",
           count(*) FILTER (WHERE s.status = 'STALE') AS "STALE",
           count(*) FILTER (WHERE coalesce(s.status, 'OFFLINE') = 'OFFLINE') AS "OFFLINE",
           count(*) AS total
    FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
    WHERE r.status = 'ACTIVE'
  )sql",
                          pg::Params());
  statements.emplace_back(R"sql(
    SELECT count(*) AS total_sensors, count(*) FILTER (WHERE k.status = 'active') AS active_sensors,
           count(DISTINCT k.metric_key) AS sensor_types,
           count(DISTINCT k.device_id) AS devices_with_sensors
    FROM device_sensors k JOIN device_registry r USING (tenant_id, device_id)
    WHERE r.status = 'ACTIVE'
  )sql",
                          pg::Params());
  const auto results = co_await caller.db.batch(std::move(statements));
  auto out = pg::row_as<DeviceSummary>(results[0], 0);
  const auto sensors = pg::row_as<DeviceSummary>(results[1], 0);
  out.total_sensors = sensors.total_sensors;
  out.active_sensors = sensors.active_sensors;
  out.sensor_types = sensors.sensor_types;
  out.devices_with_sensors = sensors.devices_with_sensors;
  co_return out;
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
