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
  Time judged_to;  ///< of the preview's end, or earlier where that was cut
  std::int64_t messages = 0, alert_count = 0;
  double seconds = 0;  ///< with an alert open
  std::vector<WouldBeAlert> alerts;
  std::optional<PreviewSeries> series;
};
BOOST_DESCRIBE_STRUCT(PreviewedDevice, (),
                      (device_id, name, judged_to, messages, alert_count, seconds, alerts, series))
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

/// What a preview may still look at.
struct Budget {
  std::int64_t messages = most_messages;
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::now() + longest;
  std::string spent;  ///< what came to its end, as people say it; empty: nothing did

  /// Whether a message may be judged.
  bool take() {
    if (messages-- > 0) return true;
    spent = std::to_string(most_messages) + " messages";
    return false;
  }
  bool late() {
    if (std::chrono::steady_clock::now() < until) return false;
    spent = std::to_string(longest.count()) + " seconds";
    return true;
  }
};

PreviewedDevice told(const Candidate& device, const RuleReplay& replay, std::int64_t to_us) {
  PreviewedDevice out;
  out.device_id = device.device_id;
  out.name = device.name;
  out.judged_to = time_of(to_us);
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

/// A device after its replay.
struct Judged {
  PreviewedDevice device;
  std::vector<SeenBucket> seen;
};

/// Replays what the device sent, as far as the budget goes.
Task<Judged> judged(tenancy::TenantDb db, const Ground& ground, Candidate device, Budget& budget) {
  RuledDevice facts;
  facts.device_id = device.device_id;
  facts.site_id = device.site_id;
  facts.device_type = device.device_type;
  facts.created_us = device.created_us;
  for (const auto& [group, members] : ground.groups)
    if (members.contains(device.device_id)) facts.group_ids.push_back(group);
  RuleReplay replay(ground.rule, ground.mappings, ground.sensors, std::move(facts), ground.from_us,
                    ground.to_us);
  std::int64_t last_us = ground.from_us;
  std::function<Task<bool>(const pg::Result&)> take = [&](const pg::Result& rows) -> Task<bool> {
    for (int i = 0; i < rows.rows(); ++i) {
      if (!budget.take()) co_return false;
      last_us = rows.int64(i, 0);
      const auto metrics = boost::json::parse(rows.text(i, 1));
      replay.message(last_us, metrics.get_object());
    }
    const bool late = budget.late();
    co_return !late;
  };
  auto params = pg::Params::of(device.device_id, time_of(ground.from_us).at,
                               time_of(ground.to_us).at, replay.raw_metrics());
  co_await db.stream(select_messages, std::move(params), take);
  const bool whole = budget.spent.empty();
  if (whole) replay.finish();
  Judged out;
  out.device = told(device, replay, whole ? ground.to_us : last_us);
  out.seen = replay.seen();
  co_return out;
}

/// What of the whole is not in the answer, as people say it.
std::optional<std::string> cut_of(const AlertRulePreview& told, std::size_t looked_at,
                                  const Budget& budget) {
  std::vector<std::string> parts;
  const auto count = static_cast<std::int64_t>(looked_at);
  if (told.devices_in_scope > count)
    parts.push_back("Only the " + std::to_string(count) + " devices that sent last of " +
                    std::to_string(told.devices_in_scope) + " were judged");
  if (!budget.spent.empty()) {
    std::vector<std::string> left;
    for (const auto& d : told.devices)
      if (d.judged_to < told.to)
        left.push_back(d.name + " was judged until " + iso8601(d.judged_to) + " only");
    if (told.devices_judged < count)
      left.push_back(std::to_string(count - told.devices_judged) + " of " + std::to_string(count) +
                     " devices were not judged");
    std::string part = "Cut after " + budget.spent;
    for (const auto& what : left) part += (&what == &left.front() ? ": " : ", and ") + what;
    parts.push_back(std::move(part));
  }
  std::int64_t many = 0;
  for (const auto& d : told.devices)
    if (d.alert_count > static_cast<std::int64_t>(d.alerts.size())) ++many;
  if (many > 0)
    parts.push_back("Of " + std::to_string(many) +
                    (many == 1 ? " device only the first " : " devices only the first ") +
                    std::to_string(most_alerts) + " alerts are listed and drawn, and all counted");
  if (parts.empty()) return std::nullopt;
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ". ") + part;
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
  Budget budget;
  std::vector<std::vector<SeenBucket>> seen;
  for (const auto& device : devices) {
    if (budget.late()) break;
    auto one = co_await judged(caller.db, ground, device, budget);
    // Of a device whose first message was not judged any more nothing is told.
    if (!budget.spent.empty() && one.device.messages == 0) break;
    out.messages += one.device.messages;
    out.alert_count += one.device.alert_count;
    ++out.devices_judged;
    out.devices.push_back(std::move(one.device));
    seen.push_back(std::move(one.seen));
    if (!budget.spent.empty()) break;
  }
  out.cut = cut_of(out, devices.size(), budget);
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
          " messages and 10 seconds, and " + std::to_string(most_alerts) +
          " alerts listed of each device: `cut` says what is left out where that was not all, and "
          "`judged_to` how far each device was judged.")
      .fails(400, "As for creating the rule")
      .example({{"rule",
                 {{"name", "Too warm"},
                  {"metric_name", "temp_c"},
                  {"operator", "GT"},
                  {"threshold", 30}}},
                {"days", 7}});
}

}  // namespace pulse::alerting
