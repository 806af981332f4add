// What evaluators know of devices when they take them over.
#include <algorithm>

#include "alerting/evaluator_store.hpp"
#include "fleet/group_targets.hpp"
#include "platform/clock.hpp"
#include "platform/json/read.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

namespace {
constexpr std::size_t devices_at_once = 500;
constexpr std::int64_t future_us = 60'000'000;   // how far ahead a device's clock may be
constexpr std::int64_t punctual_us = 5'000'000;  // so far behind the last message is the newest one
}  // namespace

namespace {

// Who may be opened for is a device of ours by name: the registry's site may be empty.
constexpr const char* select_devices = R"sql(
  SELECT r.device_id, coalesce(r.site_id, '') AS site_id, coalesce(r.device_type, '') AS type,
    (extract(epoch FROM r.created_at) * 1000000)::bigint AS created_us,
    (SELECT jsonb_object_agg(k, jsonb_build_array(s.state -> k, s.state_times -> k))
     FROM unnest($2::text[]) k WHERE s.state ? k AND s.state_times ? k) AS latest,
    coalesce(greatest(0, (extract(epoch FROM s.last_telemetry_at - s.newest_event_at)
                          * 1000000)::bigint), 0) AS behind_us,
    coalesce((extract(epoch FROM s.newest_event_at) * 1000000)::bigint, 0) AS newest_us
  FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
  WHERE r.tenant_id = $1 AND r.status = 'ACTIVE'
    AND (cardinality($3::text[]) = 0 OR r.device_id = ANY ($3))
)sql";

constexpr const char* select_samples = R"sql(
  SELECT t.device_id, m.k, (extract(epoch FROM t.time) * 1000000)::bigint AS at_us,
    CASE jsonb_typeof(t.metrics -> m.k) WHEN 'boolean'
      THEN (t.metrics -> m.k)::boolean::integer::float8
      ELSE (t.metrics ->> m.k)::float8 END AS value
  FROM telemetry t CROSS JOIN unnest($2::text[], $3::bigint[]) AS m (k, keep_us)
  WHERE t.tenant_id = $1 AND t.device_id = ANY ($4)
    AND t.time > now() - interval '1 hour' AND t.time < now() + interval '1 minute'
    AND t.time > now() - make_interval(secs => m.keep_us / 1000000.0)
    AND jsonb_typeof(t.metrics -> m.k) IN ('number', 'boolean')
)sql";

constexpr const char* select_moments = R"sql(
  SELECT device_id, k, window_us, (floor(at_us / (window_us / 60)) * (window_us / 60))::bigint,
    count(*), avg(value), var_pop(value) * count(*)
  FROM (
    SELECT t.device_id, m.k, m.window_us, extract(epoch FROM t.time) * 1000000 AS at_us,
      CASE jsonb_typeof(t.metrics -> m.k)
        WHEN 'number' THEN (t.metrics ->> m.k)::float8
        WHEN 'boolean' THEN (t.metrics -> m.k)::boolean::integer::float8 END AS value
    FROM telemetry t CROSS JOIN unnest($2::text[], $3::bigint[]) AS m (k, window_us)
    WHERE t.tenant_id = $1 AND t.device_id = ANY ($4)
      AND t.time > now() - interval '1 day' AND t.time < now() + interval '1 minute'
      AND t.time > now() - make_interval(secs => m.window_us / 1000000.0)
  ) v
  WHERE abs(value) < 1e100
  GROUP BY 1, 2, 3, 4
)sql";

// Buckets of a minute, as they are counted.
constexpr const char* select_reports = R"sql(
  SELECT t.device_id, m.k, (floor(extract(epoch FROM t.time) / 60) * 60000000)::bigint, count(*)
  FROM telemetry t CROSS JOIN unnest($2::text[]) AS m (k)
  WHERE t.tenant_id = $1 AND t.device_id = ANY ($3) AND t.time > now() - interval '1 hour'
    AND t.time < now() + interval '1 minute' AND t.metrics ? m.k
  GROUP BY 1, 2, 3
)sql";

// By the newest message itself: the last one to come may have been a late one.
constexpr const char* select_clocks = R"sql(
  SELECT s.device_id, (extract(epoch FROM s.newest_event_at) * 1000000)::bigint,
    (extract(epoch FROM t.received_at - s.newest_event_at) * 1000000)::bigint
  FROM device_state s CROSS JOIN LATERAL (
    SELECT received_at FROM telemetry t WHERE t.tenant_id = s.tenant_id
      AND t.device_id = s.device_id AND t.time = s.newest_event_at ORDER BY 1 LIMIT 1) t
  WHERE s.tenant_id = $1 AND s.device_id = ANY ($2)
)sql";

constexpr const char* select_states = R"sql(
  SELECT device_id, rule_id::text, state::text FROM alert_rule_state
  WHERE tenant_id = $1 AND device_id = ANY ($2)
)sql";

constexpr const char* select_open = R"sql(
  SELECT device_id, rule_id::text, (extract(epoch FROM event_at) * 1000000)::bigint
  FROM fleet_alert
  WHERE tenant_id = $1 AND device_id = ANY ($2) AND rule_id IS NOT NULL
    AND status IN ('OPEN', 'ACKNOWLEDGED')
)sql";

// The last alert of a rule and a device, where a person closed it.
constexpr const char* select_told = R"sql(
  SELECT device_id, rule_id::text, (extract(epoch FROM event_at) * 1000000)::bigint,
    (extract(epoch FROM created_at) * 1000000)::bigint
  FROM fleet_alert a
  WHERE tenant_id = $1 AND device_id = ANY ($2) AND rule_id IS NOT NULL AND closed_by IS NOT NULL
    AND status = 'CLOSED'
    AND NOT EXISTS (SELECT FROM fleet_alert n WHERE n.tenant_id = a.tenant_id
                    AND n.fingerprint = a.fingerprint AND n.id > a.id)
)sql";

void restore_latest(TenantEngine& engine, const std::string& device, std::string_view json,
                    std::int64_t behind_us) {
  const auto latest = json::parse_text(json);
  const auto most_us = to_us(now()) + future_us;
  // By name, as the engine looks at a message.
  std::map<std::string_view, const boost::json::value*> by_name;
  for (const auto& [metric, pair] : latest.get_object()) by_name.emplace(metric, &pair);
  for (const auto& [metric, found] : by_name) {
    const auto& pair = *found;
    const auto& value = pair.get_array()[0];
    const auto at_us = std::min(most_us, pair.get_array()[1].to_number<std::int64_t>() * 1000);
    if (value.is_number())
      engine.restore_latest(device, metric, value.to_number<double>(), at_us, behind_us);
    else if (value.is_bool())
      engine.restore_latest(device, metric, value.get_bool() ? 1 : 0, at_us, behind_us);
    else
      engine.restore_report(device, metric, at_us, behind_us);
  }
}

/// Which of the groups that rules name each device is in.
Task<std::map<std::string, std::vector<std::string>>> memberships(pg::Pool& pool,
                                                                  std::string tenant_id,
                                                                  std::vector<std::string> groups) {
  std::map<std::string, std::vector<std::string>> out;
  const auto db = tenancy::TenantDb::for_worker(pool, tenant_id, "groups that rules name");
  for (const auto& group : groups) {
    const auto members = co_await fleet::targets_in_group(db, group);
    if (!members) continue;
    for (const auto& device : *members) out[device].push_back(group);
  }
  co_return out;
}

/// What gaps count.
Task<> load_reports(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    std::vector<std::string> devices) {
  const auto metrics = engine.report_needs();
  if (metrics.empty()) co_return;
  std::function<Task<bool>(const pg::Result&)> take =
      [&engine](const pg::Result& rows) -> Task<bool> {
    for (int i = 0; i < rows.rows(); ++i)
      engine.restore_reports(rows.text(i, 0), rows.text(i, 1), rows.int64(i, 2), rows.int64(i, 3));
    co_return true;
  };
  auto params = pg::Params::of(tenant_id, metrics, devices);
  co_await pool.stream(worker_scope(), select_reports, std::move(params), take);
}

/// The clocks of devices whose last message came long after its time.
Task<> load_clocks(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                   std::vector<std::string> devices) {
  if (devices.empty()) co_return;
  const auto rows =
      co_await pool.query(worker_scope(), select_clocks, pg::Params::of(tenant_id, devices));
  const auto most_us = to_us(now()) + future_us;
  for (int i = 0; i < rows.rows(); ++i)
    engine.restore_clock(rows.text(i, 0), std::min(most_us, rows.int64(i, 1)),
                         std::max<std::int64_t>(0, rows.int64(i, 2)));
}

/// Samples, moments, states and alerts of devices that were put into the engine.
Task<> load_history(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    std::vector<std::string> devices) {
  std::vector<std::string> metrics;
  std::vector<std::int64_t> times;
  for (const auto& [metric, keep_us] : engine.sample_needs()) {
    metrics.push_back(metric);
    times.push_back(keep_us);
  }
  if (!metrics.empty()) {
    std::function<Task<bool>(const pg::Result&)> take =
        [&engine](const pg::Result& rows) -> Task<bool> {
      for (int i = 0; i < rows.rows(); ++i)
        engine.restore_sample(rows.text(i, 0), rows.text(i, 1), rows.float8(i, 3),
                              rows.int64(i, 2));
      co_return true;
    };
    auto params = pg::Params::of(tenant_id, metrics, times, devices);
    co_await pool.stream(worker_scope(), select_samples, std::move(params), take);
  }
  metrics.clear();
  times.clear();
  for (const auto& [metric, window_us] : engine.moment_needs()) {
    metrics.push_back(metric);
    times.push_back(window_us);
  }
  if (!metrics.empty()) {
    std::function<Task<bool>(const pg::Result&)> take =
        [&engine](const pg::Result& rows) -> Task<bool> {
      for (int i = 0; i < rows.rows(); ++i) {
        Moments m;
        m.count = rows.int64(i, 4);
        m.mean = rows.float8(i, 5);
        m.m2 = rows.float8(i, 6);
        engine.restore_moments(rows.text(i, 0), rows.text(i, 1), rows.int64(i, 2), rows.int64(i, 3),
                               m);
      }
      co_return true;
    };
    auto params = pg::Params::of(tenant_id, metrics, times, devices);
    co_await pool.stream(worker_scope(), select_moments, std::move(params), take);
  }
  co_await load_reports(pool, tenant_id, engine, devices);
  std::vector<pg::Statement> statements;
  for (const auto* sql : {select_states, select_open, select_told})
    statements.emplace_back(sql, pg::Params::of(tenant_id, devices));
  const auto results = co_await pool.batch(worker_scope(), std::move(statements));
  for (int i = 0; i < results[0].rows(); ++i)
    engine.restore_state(results[0].text(i, 0), results[0].text(i, 1), results[0].text(i, 2));
  for (int i = 0; i < results[1].rows(); ++i)
    engine.restore_open(results[1].text(i, 0), results[1].text(i, 1), results[1].int64(i, 2));
  for (int i = 0; i < results[2].rows(); ++i)
    engine.restore_told(results[2].text(i, 0), results[2].text(i, 1), results[2].int64(i, 2),
                        results[2].int64(i, 3));
}

}  // namespace

Task<> load_devices(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    DeviceFilter filter, std::vector<std::string> only) {
  const auto groups = co_await memberships(pool, tenant_id, engine.group_ids());
  if (!only.empty() && engine.aims_at_sensors()) {
    auto sensors = co_await load_sensors(pool, tenant_id, only);
    std::map<std::string, std::vector<SensorTarget>> by_device;
    for (const auto& id : only) by_device[id];
    for (auto& s : sensors) by_device[s.device_id].push_back(std::move(s));
    for (auto& [id, own] : by_device) engine.put_sensors(id, std::move(own));
  }
  std::set<std::string> gone(only.begin(), only.end());
  std::vector<std::string> fresh, behind;
  const auto most_us = to_us(now()) + future_us;
  std::function<Task<bool>(const pg::Result&)> take = [&](const pg::Result& rows) -> Task<bool> {
    for (int i = 0; i < rows.rows(); ++i) {
      RuledDevice device;
      device.device_id = rows.text(i, 0);
      gone.erase(device.device_id);
      if (!filter(device.device_id)) continue;
      device.site_id = rows.text(i, 1);
      device.device_type = rows.text(i, 2);
      device.created_us = rows.int64(i, 3);
      if (const auto in = groups.find(device.device_id); in != groups.end())
        device.group_ids = in->second;
      const auto id = device.device_id;
      const bool is_fresh = !engine.knows(id);
      engine.put_device(std::move(device));
      if (!is_fresh) continue;
      fresh.push_back(id);
      const auto behind_us = rows.int64(i, 5), newest_us = rows.int64(i, 6);
      if (!rows.null(i, 4)) restore_latest(engine, id, rows.text(i, 4), behind_us);
      if (behind_us > punctual_us)
        behind.push_back(id);
      else if (newest_us > 0)
        engine.restore_clock(id, std::min(most_us, newest_us), behind_us);
    }
    co_return true;
  };
  auto params = pg::Params::of(tenant_id, engine.raw_metrics(), only);
  co_await pool.stream(worker_scope(), select_devices, std::move(params), take);
  for (const auto& id : gone) engine.drop_device(id);
  // In slices: each is a statement of its own, within the time that one may take.
  for (std::size_t from = 0; from < fresh.size(); from += devices_at_once) {
    const auto to = std::min(fresh.size(), from + devices_at_once);
    std::vector<std::string> slice(fresh.begin() + static_cast<std::ptrdiff_t>(from),
                                   fresh.begin() + static_cast<std::ptrdiff_t>(to));
    co_await load_history(pool, tenant_id, engine, std::move(slice));
  }
  for (std::size_t from = 0; from < behind.size(); from += devices_at_once) {
    const auto to = std::min(behind.size(), from + devices_at_once);
    std::vector<std::string> slice(behind.begin() + static_cast<std::ptrdiff_t>(from),
                                   behind.begin() + static_cast<std::ptrdiff_t>(to));
    co_await load_clocks(pool, tenant_id, engine, std::move(slice));
  }
}

}  // namespace pulse::alerting
