#include "alerting/rule_rows.hpp"

#include <algorithm>
#include <stdexcept>

#include "alerting/evaluator_store.hpp"
#include "platform/json/read.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

const std::string select_rules = "SELECT " + std::string(rule_columns) +
                                 " FROM alert_rules WHERE tenant_id = $1 AND enabled ORDER BY id";

constexpr const char* select_mappings = R"sql(
  SELECT raw_metric, normalized_name, multiplier, offset_value FROM metric_mappings
  WHERE tenant_id = $1
)sql";

constexpr const char* select_sensors = R"sql(
  SELECT k.id, k.device_id, k.metric_key, coalesce(k.sensor_type, 'unknown')
  FROM device_sensors k
  WHERE k.tenant_id = $1 AND (cardinality($2::text[]) = 0 OR k.device_id = ANY ($2)) AND EXISTS (
    SELECT FROM alert_rules r WHERE r.tenant_id = $1 AND r.enabled
      AND (r.sensor_id = k.id OR r.sensor_type = coalesce(k.sensor_type, 'unknown')))
)sql";

std::optional<double> opt_float(const pg::Result& rows, int row, const char* column) {
  const int at = rows.column(column);
  return rows.null(row, at) ? std::nullopt : std::optional(rows.float8(row, at));
}
std::optional<std::int64_t> opt_int(const pg::Result& rows, int row, const char* column) {
  const int at = rows.column(column);
  return rows.null(row, at) ? std::nullopt : std::optional(rows.int64(row, at));
}
std::optional<std::string> opt_text(const pg::Result& rows, int row, const char* column) {
  return rows.opt_text(row, rows.column(column));
}
std::vector<std::string> texts(const pg::Result& rows, int row, const char* column) {
  const int at = rows.column(column);
  return rows.null(row, at) ? std::vector<std::string>() : pg::parse_text_array(rows.text(row, at));
}

double number_in(const boost::json::object& o, std::string_view key, double otherwise) {
  const auto* v = o.if_contains(key);
  return v && v->is_number() ? v->to_number<double>() : otherwise;
}

/// The same for a whole number; throws std::invalid_argument outside [least, most].
std::int64_t whole_in(const boost::json::object& o, std::string_view key, double otherwise,
                      double least, double most) {
  const double v = number_in(o, key, otherwise);
  if (!(v >= least && v <= most)) throw std::invalid_argument(std::string(key) + " out of range");
  return static_cast<std::int64_t>(v);
}

Condition metric_alone(const boost::json::object& o) {
  Condition c;
  const auto* metric = o.if_contains("metric_name");
  if (!metric || !metric->is_string()) throw std::invalid_argument("metric_name is missing");
  c.metric = std::string(metric->get_string());
  return c;
}

}  // namespace

Rule rule_of(const pg::Result& rows, int i) {
  Rule rule;
  rule.rule_id = rows.text(i, rows.column("rule_id"));
  rule.name = rows.text(i, rows.column("name"));
  rule.severity = static_cast<int>(rows.int64(i, rows.column("severity")));
  rule.any = rows.text(i, rows.column("match_mode")) == "any";
  rule.created_us = rows.int64(i, rows.column("created_us"));
  rule.clear_threshold = opt_float(rows, i, "clear_threshold");
  rule.clear_after_s = rows.int64(i, rows.column("clear_after_seconds"));
  if (const auto policy = opt_int(rows, i, "escalation_policy_id"))
    rule.escalation_policy_id = static_cast<int>(*policy);
  rule.scope.site_ids = texts(rows, i, "site_ids");
  rule.scope.group_ids = texts(rows, i, "group_ids");
  rule.scope.device_group_id = opt_text(rows, i, "device_group_id");
  rule.scope.device_type = opt_text(rows, i, "device_type");
  rule.scope.sensor_id = opt_int(rows, i, "sensor_id");
  rule.scope.sensor_type = opt_text(rows, i, "sensor_type");

  const auto minutes = opt_int(rows, i, "duration_minutes");
  const auto duration_s = minutes ? *minutes * 60 : rows.int64(i, rows.column("duration_seconds"));
  const auto conditions = json::parse_text(rows.text(i, rows.column("conditions")));
  const auto type = rows.text(i, rows.column("rule_type"));
  if (type == "anomaly" || type == "telemetry_gap") {
    const auto* o = conditions.if_object();
    if (!o) throw std::invalid_argument("conditions must be an object");
    rule.conditions.push_back(metric_alone(*o));
    if (type == "anomaly") {
      rule.type = RuleType::anomaly;
      rule.window_s = whole_in(*o, "window_minutes", 60, 5, 1'440) * 60;
      rule.z_threshold = number_in(*o, "z_threshold", 3);
      rule.min_samples = static_cast<std::size_t>(whole_in(*o, "min_samples", 10, 2, 100'000));
      if (o->contains("min_change") && o->at("min_change").is_number())
        rule.min_change = number_in(*o, "min_change", 0);
    } else {
      rule.type = RuleType::telemetry_gap;
      rule.gap_s = whole_in(*o, "gap_minutes", 10, 1, 100'000) * 60;
      rule.min_expected_per_hour = whole_in(*o, "min_expected_per_hour", 0, 0, 1e6);
    }
    return rule;
  }
  std::optional<Condition> flat;
  const auto metric = opt_text(rows, i, "metric_name"), op = opt_text(rows, i, "operator");
  const auto threshold = opt_float(rows, i, "threshold");
  if (op && threshold && (metric || rule.scope.sensor_id || rule.scope.sensor_type)) {
    flat.emplace();
    flat->metric = metric.value_or("");
    const auto known = operator_of(*op);
    if (!known) throw std::invalid_argument("Invalid operator value");
    flat->op = *known;
    flat->threshold = *threshold;
    flat->duration_s = type == "window" ? 0 : duration_s;
  }
  if (type == "window") {
    rule.type = RuleType::window;
    const auto aggregation = aggregation_of(opt_text(rows, i, "aggregation").value_or(""));
    const auto window = opt_int(rows, i, "window_seconds");
    if (!aggregation || !window || !flat)
      throw std::invalid_argument("a window needs aggregation, window_seconds and a threshold");
    rule.aggregation = *aggregation;
    rule.window_s = *window;
    rule.conditions.push_back(*flat);
    return rule;
  }
  auto parsed = conditions_of(conditions, flat, duration_s);
  if (parsed.list.empty()) throw std::invalid_argument("the rule has no condition");
  rule.conditions = std::move(parsed.list);
  if (parsed.any) rule.any = *parsed.any;
  return rule;
}

std::vector<MetricMapping> mappings_of(const pg::Result& rows) {
  std::vector<MetricMapping> out;
  for (int i = 0; i < rows.rows(); ++i) {
    MetricMapping m;
    m.raw = rows.text(i, 0);
    m.normalized = rows.text(i, 1);
    m.multiplier = rows.float8(i, 2);
    m.offset = rows.float8(i, 3);
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<SensorTarget> sensors_of(const pg::Result& rows) {
  std::vector<SensorTarget> out;
  for (int i = 0; i < rows.rows(); ++i) {
    SensorTarget s;
    s.sensor_id = rows.int64(i, 0);
    s.device_id = rows.text(i, 1);
    s.metric = rows.text(i, 2);
    s.sensor_type = rows.text(i, 3);
    out.push_back(std::move(s));
  }
  return out;
}

Task<std::vector<SensorTarget>> load_sensors(pg::Pool& pool, std::string tenant_id,
                                             std::vector<std::string> only) {
  const auto rows =
      co_await pool.query(worker_scope(), select_sensors, pg::Params::of(tenant_id, only));
  co_return sensors_of(rows);
}

Task<RuleSet> load_rules(pg::Pool& pool, std::string tenant_id) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(select_rules, pg::Params::of(tenant_id));
  statements.emplace_back(select_mappings, pg::Params::of(tenant_id));
  statements.emplace_back(select_sensors, pg::Params::of(tenant_id, std::vector<std::string>()));
  const auto results = co_await pool.batch(worker_scope(), std::move(statements));
  RuleSet out;
  for (int i = 0; i < results[0].rows(); ++i) {
    try {
      out.rules.push_back(rule_of(results[0], i));
    } catch (const std::exception& e) {
      log::error_throttled(
          "an alert rule can't be judged",
          {{"tenant", tenant_id}, {"rule", results[0].text(i, 0)}, {"error", e.what()}}, 60);
    }
  }
  out.mappings = mappings_of(results[1]);
  out.sensors = sensors_of(results[2]);
  co_return out;
}

}  // namespace pulse::alerting
