// What a rule would have done: its replay over what is stored, before anybody saves it.
#include <algorithm>
#include <chrono>

#include "alerting/mounts.hpp"
#include "alerting/rule_preview.hpp"
#include "alerting/rule_rows.hpp"
#include "alerting/rules.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;

constexpr std::int64_t most_devices = 50, most_messages = 400'000;
constexpr std::size_t most_alerts = 200, most_series = 10;
constexpr std::chrono::seconds longest(10);

struct AlertRulePreviewRequest {
  AlertRuleCreate rule;
  std::int64_t days = 7;
  std::optional<std::vector<std::string>> device_ids;
};
BOOST_DESCRIBE_STRUCT(AlertRulePreviewRequest, (), (rule, days, device_ids))
inline std::vector<std::string_view> optional_members(json::As<AlertRulePreviewRequest>) {
  return {"days"};
}
inline auto constraints(json::As<AlertRulePreviewRequest>) {
  using T = AlertRulePreviewRequest;
  return json::rules<T>()
      .range(&T::days, 1, 30)
      .items(&T::device_ids, 0, most_devices)
      .describe(&T::device_ids, "These alone; else those of the rule that sent last");
}
struct WouldBeAlert {
  Time opened_at;
  std::optional<Time> closed_at;
  double seconds = 0;
  std::string summary;
};
BOOST_DESCRIBE_STRUCT(WouldBeAlert, (), (opened_at, closed_at, seconds, summary))
struct PreviewSeries {
  std::vector<std::int64_t> time;
  std::vector<double> avg, min, max;
  std::vector<std::int64_t> count;
};
BOOST_DESCRIBE_STRUCT(PreviewSeries, (), (time, avg, min, max, count))
struct PreviewedDevice {
  std::string device_id, name;
  std::int64_t messages = 0, alert_count = 0;
  double seconds = 0;  ///< with an alert open
  std::vector<WouldBeAlert> alerts;
  std::optional<PreviewSeries> series;
};
BOOST_DESCRIBE_STRUCT(PreviewedDevice, (),
                      (device_id, name, messages, alert_count, seconds, alerts, series))
struct AlertRulePreview {
  Time from, to;
  std::int64_t days = 0;
  std::string metric_name;
  std::optional<double> threshold, clear_threshold;
  double bucket_seconds = 0;
  std::int64_t devices_in_scope = 0, devices_judged = 0, messages = 0, alert_count = 0;
  std::optional<std::string> cut;
  std::vector<PreviewedDevice> devices;
};
BOOST_DESCRIBE_STRUCT(AlertRulePreview, (),
                      (from, to, days, metric_name, threshold, clear_threshold, bucket_seconds,
                       devices_in_scope, devices_judged, messages, alert_count, cut, devices))

struct Candidate {
  std::string device_id, name, site_id, device_type;
  std::int64_t created_us = 0, total = 0;
};
BOOST_DESCRIBE_STRUCT(Candidate, (), (device_id, name, site_id, device_type, created_us, total))

/// What a preview works with.
struct Ground {
  Rule rule;
  std::vector<MetricMapping> mappings;
  std::vector<SensorTarget> sensors;
  std::map<std::string, std::set<std::string>> groups;
  std::int64_t from_us = 0, to_us = 0;
};

Time time_of(std::int64_t us) {
  return Time{std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(us))};
}

/// The rule as evaluators would read it, were it saved.
constexpr const char* populate = R"sql(
  FROM jsonb_populate_record(null::alert_rules, $1::jsonb || jsonb_build_object(
    'rule_id', '00000000-0000-0000-0000-000000000000', 'created_at', now() - $2 * interval '1 day'))
)sql";
constexpr const char* select_sensors = R"sql(
  SELECT id, device_id, metric_key, coalesce(sensor_type, 'unknown') FROM device_sensors
  WHERE id = $1 OR coalesce(sensor_type, 'unknown') = $2
)sql";

Task<Ground> ground_of(tenancy::TenantDb db, RuleColumns columns, std::int64_t days) {
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT " + std::string(rule_columns) + populate,
                          pg::Params::of(json::to_text(columns), days));
  statements.emplace_back(
      "SELECT raw_metric, normalized_name, multiplier, offset_value FROM metric_mappings",
      pg::Params());
  statements.emplace_back(select_sensors, pg::Params::of(columns.sensor_id, columns.sensor_type));
  statements.emplace_back("SELECT (extract(epoch FROM now()) * 1000000)::bigint", pg::Params());
  const auto rows = co_await db.batch(std::move(statements));
  Ground out;
  out.rule = rule_of(rows[0], 0);
  out.mappings = mappings_of(rows[1]);
  out.sensors = sensors_of(rows[2]);
  out.to_us = rows[3].int64(0, 0);
  out.from_us = out.to_us - days * 86'400'000'000;
  std::set<std::string> groups(out.rule.scope.group_ids.begin(), out.rule.scope.group_ids.end());
  if (out.rule.scope.device_group_id) groups.insert(*out.rule.scope.device_group_id);
  out.groups = co_await members_of_groups(db, std::move(groups));
  co_return out;
}

std::vector<std::string> of_sensors(const Ground& ground) {
  std::vector<std::string> out;
  for (const auto& s : ground.sensors) out.push_back(s.device_id);
  return out;
}

/// The devices of the rule's scope that sent last.
Task<std::vector<Candidate>> candidates(tenancy::TenantDb db, const Ground& ground,
                                        std::optional<std::vector<std::string>> only) {
  const auto& scope = ground.rule.scope;
  pg::Clauses where(" AND ");
  where.add("r.status = 'ACTIVE'");
  if (only && !only->empty()) where.add("r.device_id = ANY (?::text[])", *only);
  if (!scope.site_ids.empty()) where.add("r.site_id = ANY (?::text[])", scope.site_ids);
  if (scope.device_type) where.add("r.device_type = ?", *scope.device_type);
  if (scope.sensor_id || scope.sensor_type)
    where.add("r.device_id = ANY (?::text[])", of_sensors(ground));
  const auto members = [&](const std::vector<std::string>& groups) {
    std::vector<std::string> out;
    for (const auto& group : groups)
      if (const auto at = ground.groups.find(group); at != ground.groups.end())
        out.insert(out.end(), at->second.begin(), at->second.end());
    return out;
  };
  if (!scope.group_ids.empty())
    where.add("r.device_id = ANY (?::text[])", members(scope.group_ids));
  if (scope.device_group_id) {
    const std::vector<std::string> one{*scope.device_group_id};
    where.add("r.device_id = ANY (?::text[])", members(one));
  }
  const std::string sql =
      "SELECT r.device_id, coalesce(r.name, r.device_id) AS name, coalesce(r.site_id, '') AS "
      "site_id, coalesce(r.device_type, '') AS device_type, (extract(epoch FROM r.created_at) * "
      "1000000)::bigint AS created_us, count(*) OVER () AS total FROM device_registry r LEFT JOIN "
      "device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id" +
      where.where() + " ORDER BY s.last_telemetry_at DESC NULLS LAST, r.device_id LIMIT " +
      std::to_string(most_devices);
  const auto rows = co_await db.query(sql, where.params());
  co_return pg::rows_as<Candidate>(rows);
}

constexpr const char* select_messages = R"sql(
  SELECT (extract(epoch FROM time) * 1000000)::bigint, metrics FROM telemetry
  WHERE device_id = $1 AND time > $2 AND time <= $3 AND metrics ?| $4::text[]
  ORDER BY time
)sql";

PreviewedDevice told(const Candidate& device, const RuleReplay& replay, std::int64_t to_us) {
  PreviewedDevice out;
  out.device_id = device.device_id;
  out.name = device.name;
  out.messages = replay.messages();
  out.alert_count = static_cast<std::int64_t>(replay.alerts().size());
  for (const auto& a : replay.alerts()) {
    WouldBeAlert alert;
    alert.opened_at = time_of(a.from_us);
    if (a.to_us) alert.closed_at = time_of(*a.to_us);
    alert.seconds = static_cast<double>(a.to_us.value_or(to_us) - a.from_us) / 1e6;
    alert.summary = a.summary;
    out.seconds += alert.seconds;
    if (out.alerts.size() < most_alerts) out.alerts.push_back(std::move(alert));
  }
  return out;
}

PreviewSeries series_of(const std::vector<SeenBucket>& seen, const Ground& ground) {
  PreviewSeries out;
  const auto length = (ground.to_us - ground.from_us) / static_cast<std::int64_t>(seen.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].count == 0) continue;
    out.time.push_back((ground.from_us + static_cast<std::int64_t>(i) * length) / 1'000'000);
    out.avg.push_back(seen[i].sum / static_cast<double>(seen[i].count));
    out.min.push_back(seen[i].min);
    out.max.push_back(seen[i].max);
    out.count.push_back(seen[i].count);
  }
  return out;
}

Task<AlertRulePreview> preview(AlertingDeps d, TenantCaller caller,
                               http::Body<AlertRulePreviewRequest> body) {
  const auto columns = co_await checked_columns(caller.db, body->rule);
  const auto ground = co_await ground_of(caller.db, columns, body->days);
  const auto devices = co_await candidates(caller.db, ground, body->device_ids);
  AlertRulePreview out;
  out.from = time_of(ground.from_us);
  out.to = time_of(ground.to_us);
  out.days = body->days;
  out.metric_name = columns.metric_name.value_or("");
  out.threshold = columns.threshold;
  out.clear_threshold = columns.clear_threshold;
  out.bucket_seconds = static_cast<double>(ground.to_us - ground.from_us) / 1e6 /
                       static_cast<double>(RuleReplay::buckets);
  out.devices_in_scope = devices.empty() ? 0 : devices.front().total;
  if (out.devices_in_scope > static_cast<std::int64_t>(devices.size()))
    out.cut = "Only the " + std::to_string(devices.size()) + " devices that sent last were judged";
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::vector<SeenBucket>> seen;
  for (const auto& device : devices) {
    RuledDevice facts;
    facts.device_id = device.device_id;
    facts.site_id = device.site_id;
    facts.device_type = device.device_type;
    facts.created_us = device.created_us;
    for (const auto& [group, members] : ground.groups)
      if (members.contains(device.device_id)) facts.group_ids.push_back(group);
    RuleReplay replay(ground.rule, ground.mappings, ground.sensors, std::move(facts),
                      ground.from_us, ground.to_us);
    const bool enough = out.messages >= most_messages;
    if (enough || std::chrono::steady_clock::now() - began > longest) {
      out.cut = std::string("Cut after ") +
                (enough ? std::to_string(out.messages) + " messages" : "10 seconds") + ": " +
                std::to_string(out.devices_judged) + " of " + std::to_string(out.devices_in_scope) +
                " devices were judged";
      break;
    }
    std::function<Task<bool>(const pg::Result&)> take =
        [&replay](const pg::Result& rows) -> Task<bool> {
      for (int i = 0; i < rows.rows(); ++i) {
        const auto metrics = boost::json::parse(rows.text(i, 1));
        replay.message(rows.int64(i, 0), metrics.get_object());
      }
      co_return replay.messages() < most_messages;
    };
    auto params = pg::Params::of(device.device_id, time_of(ground.from_us).at,
                                 time_of(ground.to_us).at, replay.raw_metrics());
    co_await caller.db.stream(select_messages, std::move(params), take);
    if (replay.messages() < most_messages) replay.finish();
    auto one = told(device, replay, ground.to_us);
    out.messages += one.messages;
    out.alert_count += one.alert_count;
    ++out.devices_judged;
    out.devices.push_back(std::move(one));
    seen.push_back(replay.seen());
  }
  d.metrics->count("pulse_rule_preview_messages_total", "Messages that previews of rules judged.",
                   {}, static_cast<double>(out.messages));
  // Those that would have been told of come first, and are drawn.
  std::vector<std::size_t> order(out.devices.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return out.devices[a].alert_count > out.devices[b].alert_count;
  });
  std::vector<PreviewedDevice> sorted;
  for (const auto i : order) {
    if (sorted.size() < most_series) out.devices[i].series = series_of(seen[i], ground);
    sorted.push_back(std::move(out.devices[i]));
  }
  out.devices = std::move(sorted);
  co_return out;
}

}  // namespace

void mount_rule_preview(http::Router& api, const AlertingDeps& d) {
  api.post("/api/v1/customer/alert-rules/preview", http::bound(d, preview))
      .needs("alert-rules.create")
      .tag("Alert rules")
      .summary("What a rule would have done in the last days")
      .description(
          "Replays stored telemetry through the rule as evaluators judge it, and answers per "
          "device when an alert would have been open; silence and maintenance are not looked at. "
          "At most " +
          std::to_string(most_devices) + " devices, " + std::to_string(most_messages) +
          " messages and 10 seconds: `cut` says when that was not all.")
      .fails(400, "As for creating the rule")
      .example({{"rule",
                 {{"name", "Too warm"},
                  {"metric_name", "temp_c"},
                  {"operator", "GT"},
                  {"threshold", 30}}},
                {"days", 7}});
}

}  // namespace pulse::alerting
