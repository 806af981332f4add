// What belongs to a device and is read only here: sensors, connection history.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct SensorQuery {
  std::optional<std::string> status, source;
};
BOOST_DESCRIBE_STRUCT(SensorQuery, (), (status, source))

struct TemplateMetricRef {
  std::int64_t id = 0;
  std::string metric_key, display_name;
};
BOOST_DESCRIBE_STRUCT(TemplateMetricRef, (), (id, metric_key, display_name))

struct DeviceSensor {
  std::int64_t id = 0;
  std::string device_id, metric_key, display_name, source;
  json::Raw template_metric, module;
  std::optional<std::string> unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::string status;
  std::optional<double> last_value;
  std::optional<std::string> last_value_text;
  std::optional<Time> last_seen_at;
};
BOOST_DESCRIBE_STRUCT(DeviceSensor, (),
                      (id, device_id, metric_key, display_name, source, template_metric, module,
                       unit, min_range, max_range, precision_digits, status, last_value,
                       last_value_text, last_seen_at))
struct DeviceSensorList {
  std::string device_id;
  std::vector<DeviceSensor> sensors;
  std::int64_t total = 0, sensor_limit = 20;
};
BOOST_DESCRIBE_STRUCT(DeviceSensorList, (), (device_id, sensors, total, sensor_limit))

struct PageQuery {
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(PageQuery, (), (limit, offset))
inline auto constraints(json::As<PageQuery>) {
  return json::rules<PageQuery>()
      .range(&PageQuery::limit, 1, 200)
      .range(&PageQuery::offset, 0, 1e7);
}
struct ConnectionEvent {
  std::string id, event_type;
  Time timestamp;
  json::Raw details;
};
BOOST_DESCRIBE_STRUCT(ConnectionEvent, (), (id, event_type, timestamp, details))
struct ConnectionEvents {
  std::string device_id;
  std::vector<ConnectionEvent> events;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(ConnectionEvents, (), (device_id, events, total, limit, offset))

Task<DeviceSensorList> list_sensors(FleetDeps, TenantCaller caller, http::Path<"device_id"> id,
                                    http::Query<SensorQuery> query) {
  pg::Clauses where(" AND ");
  where.add("k.device_id = ?", id.value);
  if (query->status) where.add("k.status = ?", *query->status);
  if (query->source) where.add("k.source = ?", *query->source);
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(
      "SELECT coalesce(r.sensor_limit, (p.limits ->> 'sensors')::integer, 20) "
      "FROM device_registry r LEFT JOIN device_plans p USING (plan_id) "
      "WHERE r.device_id = $1 AND r.status <> 'DELETED'",
      pg::Params::of(id.value));
  statements.emplace_back(R"sql(
    SELECT k.id, k.device_id, k.metric_key, k.display_name, k.source,
      CASE WHEN m.id IS NOT NULL THEN jsonb_build_object('id', m.id, 'metric_key', m.metric_key,
        'display_name', m.display_name) END AS template_metric,
      k.unit, k.min_range, k.max_range, k.precision_digits, k.status,
      CASE jsonb_typeof(s.state -> k.metric_key)
        WHEN 'number' THEN (s.state ->> k.metric_key)::float8
        WHEN 'boolean' THEN ((s.state ->> k.metric_key)::boolean)::integer::float8 END AS last_value,
      s.state ->> k.metric_key AS last_value_text,
      to_timestamp((s.state_times ->> k.metric_key)::bigint / 1000.0) AS last_seen_at
    FROM device_sensors k
    LEFT JOIN template_metrics m ON m.id = k.template_metric_id
    LEFT JOIN device_state s USING (tenant_id, device_id))sql" +
                              where.where() + " ORDER BY k.source = 'unmodeled', k.id",
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

Task<ConnectionEvents> list_connections(FleetDeps, TenantCaller caller, http::Path<"device_id"> id,
                                        http::Query<PageQuery> page) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED'",
      pg::Params::of(id.value));
  statements.emplace_back("SELECT count(*) FROM device_connection_events WHERE device_id = $1",
                          pg::Params::of(id.value));
  statements.emplace_back(
      "SELECT id, event_type, \"timestamp\", details FROM device_connection_events "
      "WHERE device_id = $1 ORDER BY \"timestamp\" DESC, id DESC LIMIT $2 OFFSET $3",
      pg::Params::of(id.value, page->limit, page->offset));
  const auto results = co_await caller.db.batch(std::move(statements));
  if (results[0].empty()) throw not_found("Device not found");
  ConnectionEvents out;
  out.device_id = id.value;
  out.events = pg::rows_as<ConnectionEvent>(results[2]);
  out.total = results[1].int64(0, 0);
  out.limit = page->limit;
  out.offset = page->offset;
  co_return out;
}

}  // namespace

void mount_device_parts(http::Router& api, const FleetDeps& d) {
  const std::string one = "/api/v1/customer/devices/{device_id}";
  api.get(one + "/sensors", http::bound(d, list_sensors))
      .customers()
      .tag("Devices")
      .summary("Sensors of a device")
      .fails(404, "Device not found");
  api.get(one + "/connections", http::bound(d, list_connections))
      .customers()
      .tag("Devices")
      .summary("When a device came and went")
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
