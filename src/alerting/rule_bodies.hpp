#pragma once
// What people send about rules, and its rules; also how rules are exported.
#include <optional>
#include <string>
#include <vector>

#include "alerting/operator_member.hpp"
#include "platform/json/read.hpp"
#include "platform/json/schema.hpp"

namespace pulse::alerting {

inline std::vector<std::string> rule_types() {
  return {"threshold", "anomaly", "telemetry_gap", "window"};
}

/// One comparison of a threshold rule.
struct RuleCondition {
  std::string metric_name, op;
  double threshold = 0;
  std::optional<std::int32_t> duration_minutes, duration_seconds;
};
PULSE_DESCRIBE_WITH_OPERATOR(RuleCondition, (metric_name),
                             (threshold, duration_minutes, duration_seconds))
inline auto constraints(json::As<RuleCondition>) {
  using T = RuleCondition;
  return json::rules<T>()
      .length(&T::metric_name, 1, 100)
      .one_of(&T::op,
              {"GT", "LT", "GTE", "LTE", "EQ", "NE", ">", "<", ">=", "<=", "==", "=", "!=", "<>"})
      .range(&T::duration_minutes, 1, 1'000'000)
      .range(&T::duration_seconds, 1, 60'000'000)
      .describe(&T::duration_seconds, "Where minutes are too long; minutes go first");
}

/// The older form of a list of conditions.
struct RuleConditions {
  std::string combinator = "AND";
  std::vector<RuleCondition> conditions;
};
BOOST_DESCRIBE_STRUCT(RuleConditions, (), (combinator, conditions))
inline std::vector<std::string_view> optional_members(json::As<RuleConditions>) {
  return {"combinator"};
}
inline auto constraints(json::As<RuleConditions>) {
  return json::rules<RuleConditions>()
      .one_of(&RuleConditions::combinator, {"AND", "OR"})
      .items(&RuleConditions::conditions, 1, 10);
}

/// A list of conditions, or the older form.
struct ConditionsBody {
  std::vector<RuleCondition> list;
  std::optional<std::string> combinator;
};
void read(const boost::json::value& v, ConditionsBody& out, json::Loc& loc, Faults& faults);
void write(std::string& out, const ConditionsBody& v);

struct AnomalyConditions {
  std::string metric_name;
  std::int32_t window_minutes = 60;
  double z_threshold = 3;
  std::int32_t min_samples = 10;
  std::optional<double> min_change;
};
BOOST_DESCRIBE_STRUCT(AnomalyConditions, (),
                      (metric_name, window_minutes, z_threshold, min_samples, min_change))
inline std::vector<std::string_view> optional_members(json::As<AnomalyConditions>) {
  return {"window_minutes", "z_threshold", "min_samples"};
}
inline auto constraints(json::As<AnomalyConditions>) {
  using T = AnomalyConditions;
  return json::rules<T>()
      .length(&T::metric_name, 1, 100)
      .range(&T::window_minutes, 5, 1440)
      .range(&T::z_threshold, 1, 10)
      .range(&T::min_samples, 3, 1000)
      .range(&T::min_change, 0, 1e300)
      .describe(&T::min_change,
                "A smaller change is none; without it nothing is, where a value never changed");
}

struct TelemetryGapConditions {
  std::string metric_name;
  std::int32_t gap_minutes = 10;
  std::optional<std::int32_t> min_expected_per_hour;
};
BOOST_DESCRIBE_STRUCT(TelemetryGapConditions, (), (metric_name, gap_minutes, min_expected_per_hour))
inline std::vector<std::string_view> optional_members(json::As<TelemetryGapConditions>) {
  return {"gap_minutes"};
}
inline auto constraints(json::As<TelemetryGapConditions>) {
  using T = TelemetryGapConditions;
  return json::rules<T>()
      .length(&T::metric_name, 1, 100)
      .range(&T::gap_minutes, 1, 1440)
      .range(&T::min_expected_per_hour, 1, 1'000'000);
}

/// A rule as it is made, exported and imported.
struct AlertRuleCreate {
  std::string name, rule_type = "threshold";
  std::optional<std::string> metric_name;
  std::optional<std::int32_t> sensor_id;
  std::optional<std::string> sensor_type, op;
  std::optional<double> threshold;
  std::int32_t severity = 3, duration_seconds = 0;
  std::optional<std::int32_t> duration_minutes;
  std::optional<std::string> description;
  std::optional<std::vector<std::string>> site_ids, group_ids;
  std::optional<std::string> device_group_id;
  std::optional<ConditionsBody> conditions;
  std::string match_mode = "all";
  std::optional<AnomalyConditions> anomaly_conditions;
  std::optional<TelemetryGapConditions> gap_conditions;
  bool enabled = true;
  std::optional<std::string> aggregation;
  std::optional<std::int32_t> window_seconds;
  // Ours: hysteresis, a type of devices, who is told next.
  std::optional<double> clear_threshold;
  std::int32_t clear_after_seconds = 0;
  std::optional<std::string> device_type;
  std::optional<std::int32_t> escalation_policy_id;
};
PULSE_DESCRIBE_WITH_OPERATOR(AlertRuleCreate,
                             (name, rule_type, metric_name, sensor_id, sensor_type),
                             (threshold, severity, duration_seconds, duration_minutes, description,
                              site_ids, group_ids, device_group_id, conditions, match_mode,
                              anomaly_conditions, gap_conditions, enabled, aggregation,
                              window_seconds, clear_threshold, clear_after_seconds, device_type,
                              escalation_policy_id))

/// The same with members that may be absent, and cleared by null where they may be without value.
struct AlertRuleUpdate {
  json::Patch<std::string> name, rule_type, metric_name;
  json::Patch<std::int32_t> sensor_id;
  json::Patch<std::string> sensor_type, op;
  json::Patch<double> threshold;
  json::Patch<std::int32_t> severity, duration_seconds, duration_minutes;
  json::Patch<std::string> description;
  json::Patch<std::vector<std::string>> site_ids, group_ids;
  json::Patch<std::string> device_group_id;
  json::Patch<ConditionsBody> conditions;
  json::Patch<std::string> match_mode;
  json::Patch<AnomalyConditions> anomaly_conditions;
  json::Patch<TelemetryGapConditions> gap_conditions;
  json::Patch<bool> enabled;
  json::Patch<std::string> aggregation;
  json::Patch<std::int32_t> window_seconds;
  json::Patch<double> clear_threshold;
  json::Patch<std::int32_t> clear_after_seconds;
  json::Patch<std::string> device_type;
  json::Patch<std::int32_t> escalation_policy_id;
};
PULSE_DESCRIBE_WITH_OPERATOR(AlertRuleUpdate,
                             (name, rule_type, metric_name, sensor_id, sensor_type),
                             (threshold, severity, duration_seconds, duration_minutes, description,
                              site_ids, group_ids, device_group_id, conditions, match_mode,
                              anomaly_conditions, gap_conditions, enabled, aggregation,
                              window_seconds, clear_threshold, clear_after_seconds, device_type,
                              escalation_policy_id))

/// What holds for both.
template <class T>
json::Rules<T> rule_limits() {
  return json::rules<T>()
      .length(&T::name, 1, 100)
      .one_of(&T::rule_type, rule_types())
      .length(&T::metric_name, 1, 100)
      .range(&T::sensor_id, 1, 2147483647)
      .length(&T::sensor_type, 0, 100)
      .length(&T::op, 0, 10)
      .describe(&T::op, "GT, GTE, LT, LTE, EQ, NE, or as a symbol", "GT")
      .range(&T::severity, 1, 5)
      .range(&T::duration_seconds, 0, 60'000'000)
      .range(&T::duration_minutes, 1, 1'000'000)
      .length(&T::description, 0, 2000)
      .items(&T::site_ids, 0, 1000)
      .items(&T::group_ids, 0, 1000)
      .describe(&T::group_ids, "Members of any of these groups, static or dynamic")
      .length(&T::device_group_id, 0, 128)
      .one_of(&T::match_mode, {"all", "any"})
      .length(&T::aggregation, 0, 10)
      .describe(&T::aggregation, "Of window rules: avg, min, max, count, sum or p95")
      .range(&T::window_seconds, 60, 3600)
      .describe(&T::clear_threshold,
                "An open alert stays until this value is passed, too: hysteresis")
      .range(&T::clear_after_seconds, 0, 86'400)
      .describe(&T::clear_after_seconds, "An alert closes when the rule was kept for so long")
      .length(&T::device_type, 0, 100)
      .range(&T::escalation_policy_id, 1, 2147483647);
}
inline std::vector<std::string_view> optional_members(json::As<AlertRuleCreate>) {
  return {"rule_type",  "severity", "duration_seconds",
          "match_mode", "enabled",  "clear_after_seconds"};
}
inline auto constraints(json::As<AlertRuleCreate>) { return rule_limits<AlertRuleCreate>(); }
inline auto constraints(json::As<AlertRuleUpdate>) { return rule_limits<AlertRuleUpdate>(); }

}  // namespace pulse::alerting

namespace pulse::json {
template <>
struct SchemaOf<alerting::ConditionsBody> {
  static boost::json::value make(Components& c) {
    boost::json::object list{{"type", "array"}, {"maxItems", 10}};
    list["items"] = schema<alerting::RuleCondition>(c);
    return boost::json::object{
        {"anyOf", boost::json::array{std::move(list), schema<alerting::RuleConditions>(c),
                                     boost::json::object{{"type", "null"}}}}};
  }
};
}  // namespace pulse::json
