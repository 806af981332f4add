// What the application asks before it knows anything: how far a tenant has come, where devices
// reach us; and the fleet's health.
#include <algorithm>
#include <cmath>

#include "fleet/mounts.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct GettingStarted {
  std::int64_t sites = 0, templates = 0, devices = 0, online = 0, alert_rules = 0;
  bool dismissed = false;
};
BOOST_DESCRIBE_STRUCT(GettingStarted, (),
                      (sites, templates, devices, online, alert_rules, dismissed))

struct FleetHealth {
  double score = 100;
  std::int64_t total_devices = 0, online = 0, critical_alerts = 0;
  Time calculated_at;
};
BOOST_DESCRIBE_STRUCT(FleetHealth, (),
                      (score, total_devices, online, critical_alerts, calculated_at))

Task<GettingStarted> getting_started(FleetDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(R"sql(
    SELECT (SELECT count(*) FROM sites) AS sites,
           (SELECT count(*) FROM device_templates WHERE source <> 'system') AS templates,
           (SELECT count(*) FROM device_registry WHERE status <> 'DELETED') AS devices,
           (SELECT count(*) FROM device_state WHERE status = 'ONLINE') AS online,
           (SELECT count(*) FROM alert_rules) AS alert_rules
  )sql");
  co_return pg::row_as<GettingStarted>(rows, 0);
}

Task<ConnectionInfo> connection_info(FleetDeps d, TenantCaller) { co_return d.connection; }

Task<FleetHealth> fleet_health(FleetDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(R"sql(
    SELECT (SELECT count(*) FROM device_registry WHERE status = 'ACTIVE') AS total_devices,
           (SELECT count(*) FROM device_state WHERE status = 'ONLINE') AS online,
           count(*) AS critical_alerts, count(DISTINCT device_id) AS critical_devices,
           now() AS calculated_at
    FROM fleet_alert WHERE status = 'OPEN' AND severity = 5
  )sql");
  auto out = pg::row_as<FleetHealth>(rows, 0);
  const auto well = out.online - rows.int64(0, rows.column("critical_devices"));
  if (out.total_devices > 0)
    out.score = std::clamp(
        std::round(static_cast<double>(well) * 1000 / static_cast<double>(out.total_devices)) / 10,
        0.0, 100.0);
  co_return out;
}

}  // namespace

void mount_overview(http::Router& api, const FleetDeps& d) {
  api.get("/api/v1/customer/getting-started", http::bound(d, getting_started))
      .customers()
      .tag("Overview")
      .summary("Counts behind the five first steps");
  api.get("/api/v1/customer/connection-info", http::bound(d, connection_info))
      .customers()
      .tag("Overview")
      .summary("Where devices reach Pulse");
  api.get("/api/v1/customer/fleet/health", http::bound(d, fleet_health))
      .customers()
      .tag("Overview")
      .summary(
          "Share of active devices that are online and have no critical alert, as a score of 100");
}

}  // namespace pulse::fleet
