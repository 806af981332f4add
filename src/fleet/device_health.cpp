#include "fleet/device_health.hpp"

#include <algorithm>
#include <cmath>

#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

struct HealthQuery {
  std::string range = "24h";
  std::int64_t limit = 100;
};
BOOST_DESCRIBE_STRUCT(HealthQuery, (), (range, limit))
inline auto constraints(json::As<HealthQuery>) {
  return json::rules<HealthQuery>()
      .range(&HealthQuery::limit, 1, 1000)
      .describe(&HealthQuery::range, "1h, 6h, 24h, 7d or 30d");
}
struct DeviceHealth {
  std::string device_id, range;
  std::vector<HealthReading> data_points;  ///< newest first
  std::int64_t total = 0;
  std::optional<HealthReading> latest;
};
BOOST_DESCRIBE_STRUCT(DeviceHealth, (), (device_id, range, data_points, total, latest))

struct UptimeQuery {
  std::string range = "24h";
};
BOOST_DESCRIBE_STRUCT(UptimeQuery, (), (range))
inline auto constraints(json::As<UptimeQuery>) {
  return json::rules<UptimeQuery>().one_of(&UptimeQuery::range, {"24h", "7d", "30d"});
}
struct DeviceUptime {
  std::string device_id, range;
  double uptime_pct = 100;
  std::int64_t offline_seconds = 0, range_seconds = 0;
  std::string status;
};
BOOST_DESCRIBE_STRUCT(DeviceUptime, (),
                      (device_id, range, uptime_pct, offline_seconds, range_seconds, status))
struct FleetUptime {
  std::int64_t total_devices = 0, online = 0, offline = 0;
  double avg_uptime_pct = 100;
  Time as_of;
};
BOOST_DESCRIBE_STRUCT(FleetUptime, (), (total_devices, online, offline, avg_uptime_pct, as_of))

/// Seconds of a range's name; 0: no such range.
std::int64_t seconds_of(std::string_view range) {
  constexpr std::pair<std::string_view, std::int64_t> ranges[] = {
      {"1h", 3'600}, {"6h", 21'600}, {"24h", 86'400}, {"7d", 604'800}, {"30d", 2'592'000}};
  for (const auto& [name, seconds] : ranges)
    if (name == range) return seconds;
  return 0;
}

// Seconds that devices were silent of the last $1 seconds, since they exist. Only events of silence
// (being taken out of service is one) and return count: that a client of MQTT came and went says
// nothing of a device that goes on sending. What a device was before the first event of the range
// is the other thing than that event; without one, it is what it is now, so that of most devices
// nothing has to be looked at.
constexpr std::string_view silences_text = R"sql(
  WITH events AS (
    SELECT e.tenant_id, e.device_id, e."timestamp" AS at, e.event_type = 'CONNECTED' AS up,
      row_number() OVER w AS nth, coalesce(lead(e."timestamp") OVER w, now()) AS until
    FROM device_connection_events e JOIN device_registry d USING (tenant_id, device_id)
    WHERE e."timestamp" >= d.created_at AND e."timestamp" > now() - make_interval(secs => $1::bigint)
      AND {e.}
      AND e.details ->> 'reason' IN ('first_seen', 'heartbeat_resumed', 'heartbeat_timeout',
                                      'decommissioned')
    WINDOW w AS (PARTITION BY e.tenant_id, e.device_id ORDER BY e."timestamp", e.id)
  ), told AS (
    SELECT e.tenant_id, e.device_id,
      sum(CASE WHEN up THEN interval '0' ELSE until - at END
          + CASE WHEN nth = 1 AND up THEN at - least(at, greatest(r.created_at,
              now() - make_interval(secs => $1::bigint))) ELSE interval '0' END) AS silent
    FROM events e JOIN device_registry r USING (tenant_id, device_id)
    WHERE r.status = 'ACTIVE' OR {one}
    GROUP BY e.tenant_id, e.device_id
  ), down AS (
    SELECT s.tenant_id, s.device_id FROM device_state s
    WHERE s.status IN ('STALE', 'OFFLINE') AND {s.}
    UNION ALL
    SELECT r.tenant_id, r.device_id FROM device_registry r
    WHERE r.status = 'ACTIVE' AND {r.}
      AND NOT EXISTS (SELECT FROM device_state s
                      WHERE s.tenant_id = r.tenant_id AND s.device_id = r.device_id)
  ), still_down AS (
    SELECT now() - greatest(r.created_at, now() - make_interval(secs => $1::bigint)) AS silent
    FROM down d JOIN device_registry r USING (tenant_id, device_id)
    WHERE (r.status = 'ACTIVE' OR {one})
      AND NOT EXISTS (SELECT FROM told t
                      WHERE t.tenant_id = r.tenant_id AND t.device_id = r.device_id)
  ), silences AS (
    SELECT extract(epoch FROM coalesce(sum(silent), interval '0'))::float8 AS seconds
    FROM (SELECT silent FROM told UNION ALL SELECT silent FROM still_down) every
  )
)sql";

/// Of one device, $2, or of all that are active: what is not asked for must not stand in the
/// planner's way.
std::string silences(bool of_one) {
  std::string out;
  for (std::size_t at = 0; at < silences_text.size();) {
    const auto open = std::min(silences_text.find('{', at), silences_text.size());
    out += silences_text.substr(at, open - at);
    if (open == silences_text.size()) break;
    const auto close = silences_text.find('}', open);
    const auto name = silences_text.substr(open + 1, close - open - 1);
    if (name == "one")
      out += of_one ? "true" : "false";
    else
      out += of_one ? std::string(name) + "device_id = $2::text" : "true";
    at = close + 1;
  }
  return out;
}

double percent_up(double silent, std::int64_t range) {
  const auto whole = static_cast<double>(range);
  return std::round(std::clamp((whole - silent) / whole, 0.0, 1.0) * 10'000) / 100;
}

Task<DeviceHealth> device_health(FleetDeps, TenantCaller caller, DeviceId id,
                                 http::Query<HealthQuery> query) {
  const auto seconds = seconds_of(query->range);
  if (seconds == 0) throw bad_request("Invalid range: use 1h, 6h, 24h, 7d or 30d");
  co_await require_device(caller.db, id.value);
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      "SELECT * FROM device_health_telemetry WHERE device_id = $1 "
      "AND time > now() - make_interval(secs => $2::bigint) ORDER BY time DESC LIMIT $3",
      pg::Params::of(id.value, seconds, query->limit));
  statements.emplace_back(
      "SELECT * FROM device_health_telemetry WHERE device_id = $1 ORDER BY time DESC LIMIT 1",
      pg::Params::of(id.value));
  const auto results = co_await caller.db.batch(std::move(statements));
  DeviceHealth out;
  out.device_id = id.value;
  out.range = query->range;
  out.data_points = pg::rows_as<HealthReading>(results[0]);
  out.total = static_cast<std::int64_t>(out.data_points.size());
  out.latest = pg::first_as<HealthReading>(results[1]);
  co_return out;
}

Task<HealthReading> latest_health(FleetDeps, TenantCaller caller, DeviceId id) {
  co_await require_device(caller.db, id.value);
  const auto rows = co_await caller.db.query(
      "SELECT * FROM device_health_telemetry WHERE device_id = $1 ORDER BY time DESC LIMIT 1",
      pg::Params::of(id.value));
  if (rows.empty()) throw not_found("No health telemetry found");
  co_return pg::row_as<HealthReading>(rows, 0);
}

Task<DeviceUptime> device_uptime(FleetDeps, TenantCaller caller, DeviceId id,
                                 http::Query<UptimeQuery> query) {
  co_await require_device(caller.db, id.value);
  DeviceUptime out;
  out.device_id = id.value;
  out.range = query->range;
  out.range_seconds = seconds_of(query->range);
  const auto rows = co_await caller.db.query(
      silences(true) +
          "SELECT seconds, EXISTS (SELECT FROM device_state WHERE device_id = $2::text "
          "AND status = 'ONLINE') FROM silences",
      pg::Params::of(out.range_seconds, id.value));
  const double silent = std::max(0.0, rows.float8(0, 0));
  out.status = rows.boolean(0, 1) ? "online" : "offline";
  out.offline_seconds = std::llround(silent);
  out.uptime_pct = percent_up(silent, out.range_seconds);
  co_return out;
}

Task<FleetUptime> fleet_uptime(FleetDeps, TenantCaller caller) {
  constexpr std::int64_t day = 86'400;
  const auto rows = co_await caller.db.query(
      silences(false) +
          "SELECT seconds AS silent, now() AS as_of, "
          "(SELECT count(*) FROM device_registry WHERE status = 'ACTIVE') AS total_devices, "
          "(SELECT count(*) FROM device_state WHERE status = 'ONLINE') AS online FROM silences",
      pg::Params::of(day));
  auto out = pg::row_as<FleetUptime>(rows, 0);
  out.offline = out.total_devices - out.online;
  if (out.total_devices > 0)
    out.avg_uptime_pct = percent_up(rows.float8(0, rows.column("silent")), day * out.total_devices);
  co_return out;
}

}  // namespace

void mount_device_health(http::Router& api, const FleetDeps& d) {
  const std::string one = "/api/v1/customer/devices/{device_id}";
  api.get(one + "/health", http::bound(d, device_health))
      .customers()
      .tag("Health")
      .summary("A device's battery, signal and the like over time")
      .fails(400, "Invalid range")
      .fails(404, "Device not found");
  api.get(one + "/health/latest", http::bound(d, latest_health))
      .customers()
      .tag("Health")
      .summary("The newest health reading of a device")
      .fails(404, "No health telemetry found");
  api.get(one + "/uptime", http::bound(d, device_uptime))
      .customers()
      .tag("Health")
      .summary("How much of a range a device was there")
      .fails(404, "Device not found");
  api.get("/api/v1/customer/fleet/uptime-summary", http::bound(d, fleet_uptime))
      .customers()
      .tag("Health")
      .summary("How much of the last 24 hours the active devices were there");
}

}  // namespace pulse::fleet
