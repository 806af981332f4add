#pragma once
// A rule as its evaluator reads it. No I/O.
#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::alerting {

enum class Operator : std::uint8_t { gt, gte, lt, lte, eq, ne };
/// GT, GTE, LT, LTE, EQ, NE, or their symbols (> >= < <= == = != <>). Nothing when it is none.
std::optional<Operator> operator_of(std::string_view text);
/// GT, ...
std::string_view name_of(Operator op);
/// >, ...
std::string_view symbol_of(Operator op);
bool holds(double value, Operator op, double threshold);

struct Condition {
  std::string metric;
  Operator op = Operator::gt;
  double threshold = 0;
  std::int64_t duration_s = 0;  ///< how long it must hold; 0: a sample suffices
};

enum class RuleType : std::uint8_t { threshold, window, anomaly, telemetry_gap };
enum class Aggregation : std::uint8_t { avg, min, max, sum, count, p95 };
std::optional<Aggregation> aggregation_of(std::string_view text);
std::string_view name_of(Aggregation aggregation);

/// Which devices a rule is for. Empty lists mean all.
struct RuleScope {
  std::vector<std::string> site_ids;
  std::vector<std::string> group_ids;  ///< member of any; static or dynamic
  std::optional<std::string> device_group_id, device_type;
  std::optional<std::int64_t> sensor_id;
  std::optional<std::string> sensor_type;
};

struct Rule {
  std::string rule_id, name;
  RuleType type = RuleType::threshold;
  int severity = 3;
  RuleScope scope;
  std::vector<Condition> conditions;  ///< threshold: at least one; window: one
  bool any = false;                   ///< one condition suffices
  Aggregation aggregation = Aggregation::avg;
  std::int64_t window_s = 0;               ///< of windows, and of anomalies
  double z_threshold = 3;                  ///< anomaly
  std::size_t min_samples = 10;            ///< anomaly
  std::optional<double> min_change;        ///< anomaly: where the standard deviation is 0
  std::int64_t gap_s = 0;                  ///< telemetry_gap
  std::int64_t min_expected_per_hour = 0;  ///< telemetry_gap; 0: not asked
  std::optional<double> clear_threshold;
  std::int64_t clear_after_s = 0;
  std::optional<int> escalation_policy_id;
  std::int64_t created_us = 0;
};

/// THRESHOLD, WINDOW, ANOMALY, NO_TELEMETRY.
std::string_view alert_type_of(RuleType type);
/// RULE:{rule}:{device}
std::string fingerprint_of(const Rule& rule, std::string_view device_id);

/// The conditions of a threshold rule: a list of {metric_name, operator, threshold,
/// duration_minutes?, duration_seconds?}, or the older {combinator, conditions}; where there are
/// none, the flat condition, when it has a metric. `duration_s` is the rule's own, for conditions
/// without one. Throws std::invalid_argument that names the fault.
struct ParsedConditions {
  std::vector<Condition> list;
  std::optional<bool> any;  ///< what a combinator says
};
ParsedConditions conditions_of(const boost::json::value& stored,
                               const std::optional<Condition>& flat, std::int64_t duration_s);

/// A number as people read it: no more digits than it has.
std::string number_text(double value);

}  // namespace pulse::alerting
