#include "alerting/rule.hpp"

#include <charconv>
#include <stdexcept>

namespace pulse::alerting {

namespace {

struct OperatorNames {
  Operator op;
  std::string_view name, symbol, also;
};
constexpr std::array<OperatorNames, 6> operators{{
    {Operator::gt, "GT", ">", ""},
    {Operator::gte, "GTE", ">=", ""},
    {Operator::lt, "LT", "<", ""},
    {Operator::lte, "LTE", "<=", ""},
    {Operator::eq, "EQ", "==", "="},
    {Operator::ne, "NE", "!=", "<>"},
}};

constexpr std::array<std::pair<Aggregation, std::string_view>, 6> aggregations{{
    {Aggregation::avg, "avg"},
    {Aggregation::min, "min"},
    {Aggregation::max, "max"},
    {Aggregation::sum, "sum"},
    {Aggregation::count, "count"},
    {Aggregation::p95, "p95"},
}};

const boost::json::value* member(const boost::json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v && !v->is_null() ? v : nullptr;
}

std::optional<double> number(const boost::json::object& o, std::string_view key) {
  const auto* v = member(o, key);
  if (!v) return std::nullopt;
  if (!v->is_number()) throw std::invalid_argument(std::string(key) + " must be a number");
  return v->to_number<double>();
}

Condition condition_of(const boost::json::value& value, std::int64_t duration_s) {
  if (!value.is_object()) throw std::invalid_argument("a condition must be an object");
  const auto& o = value.get_object();
  Condition c;
  const auto *metric = member(o, "metric_name"), *op = member(o, "operator");
  if (!metric || !metric->is_string()) throw std::invalid_argument("a condition needs metric_name");
  c.metric = std::string(metric->get_string());
  const auto known = op && op->is_string() ? operator_of(op->get_string()) : std::nullopt;
  if (!known) throw std::invalid_argument("Invalid operator value");
  c.op = *known;
  const auto threshold = number(o, "threshold");
  if (!threshold) throw std::invalid_argument("a condition needs threshold");
  c.threshold = *threshold;
  const auto minutes = number(o, "duration_minutes"), seconds = number(o, "duration_seconds");
  for (const auto& duration : {minutes, seconds})
    if (duration && !(*duration >= 0 && *duration <= 1e7))
      throw std::invalid_argument("a condition's duration is out of range");
  c.duration_s = minutes   ? static_cast<std::int64_t>(*minutes * 60)
                 : seconds ? static_cast<std::int64_t>(*seconds)
                           : duration_s;
  return c;
}

}  // namespace

std::optional<Operator> operator_of(std::string_view text) {
  for (const auto& o : operators)
    if (text == o.name || text == o.symbol || (!o.also.empty() && text == o.also)) return o.op;
  return std::nullopt;
}

std::string_view name_of(Operator op) { return operators[static_cast<std::size_t>(op)].name; }
std::string_view symbol_of(Operator op) { return operators[static_cast<std::size_t>(op)].symbol; }

bool holds(double value, Operator op, double threshold) {
  switch (op) {
    case Operator::gt:
      return value > threshold;
    case Operator::gte:
      return value >= threshold;
    case Operator::lt:
      return value < threshold;
    case Operator::lte:
      return value <= threshold;
    case Operator::eq:
      return value == threshold;
    case Operator::ne:
      return value != threshold;
  }
  return false;
}

std::optional<Aggregation> aggregation_of(std::string_view text) {
  for (const auto& [aggregation, name] : aggregations)
    if (text == name) return aggregation;
  return std::nullopt;
}

std::string_view name_of(Aggregation aggregation) {
  return aggregations[static_cast<std::size_t>(aggregation)].second;
}

std::string_view alert_type_of(RuleType type) {
  switch (type) {
    case RuleType::threshold:
      return "THRESHOLD";
    case RuleType::window:
      return "WINDOW";
    case RuleType::anomaly:
      return "ANOMALY";
    case RuleType::telemetry_gap:
      return "NO_TELEMETRY";
  }
  return "";
}

std::string fingerprint_of(const Rule& rule, std::string_view device_id) {
  return "RULE:" + rule.rule_id + ":" + std::string(device_id);
}

ParsedConditions conditions_of(const boost::json::value& stored,
                               const std::optional<Condition>& flat, std::int64_t duration_s) {
  ParsedConditions out;
  const boost::json::array* list = stored.if_array();
  if (const auto* o = stored.if_object()) {
    if (const auto* inner = member(*o, "conditions")) {
      list = inner->if_array();
      if (!list) throw std::invalid_argument("conditions must be a list");
    }
    const auto* combinator = member(*o, "combinator");
    if (combinator && combinator->is_string()) out.any = combinator->get_string() == "OR";
  }
  if (list)
    for (const auto& item : *list) out.list.push_back(condition_of(item, duration_s));
  if (out.list.empty() && flat) out.list.push_back(*flat);
  return out;
}

std::string number_text(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6);
  return {text, end.ptr};
}

}  // namespace pulse::alerting
