// Whether what somebody sent about a rule fits together, and what is stored of it.
#include <algorithm>

#include "alerting/rule.hpp"
#include "alerting/rules.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting {

namespace {

ValidationError missing(const std::string& member, const std::string& words) {
  return ValidationError({"body", member}, words, "missing");
}

void check_metric(const std::string& metric) {
  const bool control = std::any_of(metric.begin(), metric.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (metric.empty() || metric.size() > 100 || control || metric.front() == ' ' ||
      metric.back() == ' ')
    throw bad_request("Invalid metric_name format");
}

std::string operator_name(const std::optional<std::string>& text) {
  const auto op = text ? operator_of(*text) : std::nullopt;
  if (!op) throw bad_request("Invalid operator value");
  return std::string(name_of(*op));
}

/// Empty texts and lists say nothing.
template <class T>
void drop_empty(std::optional<T>& member) {
  if (member && member->empty()) member.reset();
}

void check_sensors(const AlertRuleCreate& body) {
  if (!body.sensor_id && !body.sensor_type) return;
  if (body.sensor_id && body.sensor_type)
    throw bad_request("Only one targeting mode allowed: sensor_id OR sensor_type");
  if (body.rule_type != "threshold")
    throw bad_request("sensor_id/sensor_type targeting is only supported for threshold rules");
  if (body.conditions && !body.conditions->list.empty())
    throw bad_request("sensor_id/sensor_type targeting is not supported for multi-condition rules");
  if (body.sensor_type && !json::matches_identifier(*body.sensor_type))
    throw bad_request("Invalid sensor_type format");
}

/// Why a rule can have no clear_threshold; "" where it can.
std::string no_clear_threshold(const AlertRuleCreate& body) {
  const std::string leave = ": leave clear_threshold out";
  if (body.rule_type != "threshold" && body.rule_type != "window")
    return "clear_threshold is for threshold and window rules" + leave;
  const auto* list = body.conditions ? &body.conditions->list : nullptr;
  const bool of_list = body.rule_type == "threshold" && list && !list->empty();
  if (of_list && list->size() > 1) return "clear_threshold is for rules of one condition" + leave;
  const auto op = of_list ? operator_of(list->front().op) : operator_of(body.op.value_or(""));
  if (op == Operator::eq || op == Operator::ne)
    return "clear_threshold does not go with operator " + std::string(name_of(*op)) + leave;
  return "";
}

/// An alert would close while it is still broken, or at once.
void check_clear_threshold(const RuleColumns& rule) {
  if (!rule.clear_threshold || !rule.threshold) return;
  const bool above = rule.op == "GT" || rule.op == "GTE";
  const bool fits =
      above ? *rule.clear_threshold <= *rule.threshold : *rule.clear_threshold >= *rule.threshold;
  if (!fits)
    throw bad_request("clear_threshold must be at " + std::string(above ? "most" : "least") +
                      " the threshold with operator " + *rule.op);
}

boost::json::value object_of(const std::string& text) { return json::parse_text(text); }

void threshold_columns(AlertRuleCreate& body, RuleColumns& out) {
  auto& list = out.conditions.emplace_array();
  if (body.conditions && body.conditions->combinator)
    out.match_mode = *body.conditions->combinator == "OR" ? "any" : "all";
  if (body.conditions)
    for (auto& c : body.conditions->list) {
      check_metric(c.metric_name);
      c.op = operator_name(c.op);
      boost::json::object o{
          {"metric_name", c.metric_name}, {"operator", c.op}, {"threshold", c.threshold}};
      if (c.duration_minutes)
        o["duration_minutes"] = *c.duration_minutes;
      else if (c.duration_seconds)
        o["duration_seconds"] = *c.duration_seconds;
      list.push_back(std::move(o));
    }
  if (!list.empty()) {
    const auto& first = body.conditions->list.front();
    out.metric_name = first.metric_name;
    out.op = first.op;
    out.threshold = first.threshold;
    return;
  }
  if (!body.threshold) throw bad_request("threshold is required");
  if (!body.sensor_id && !body.sensor_type) check_metric(body.metric_name.value_or(""));
  out.metric_name = body.metric_name;
  out.op = operator_name(body.op);
  out.threshold = body.threshold;
}

void window_columns(const AlertRuleCreate& body, RuleColumns& out) {
  out.conditions.emplace_array();
  if (!body.aggregation) throw missing("aggregation", "aggregation is required for WINDOW rules");
  if (!aggregation_of(*body.aggregation))
    throw bad_request("aggregation must be one of: avg, min, max, count, sum, p95");
  if (!body.window_seconds)
    throw missing("window_seconds", "window_seconds is required for WINDOW rules");
  if (!body.threshold) throw missing("threshold", "threshold is required for WINDOW rules");
  check_metric(body.metric_name.value_or(""));
  out.metric_name = body.metric_name;
  out.op = operator_name(body.op);
  out.threshold = body.threshold;
  out.aggregation = body.aggregation;
  out.window_seconds = body.window_seconds;
}

struct Named {
  std::vector<std::string> sites, groups;
  std::optional<std::int32_t> sensor, policy;
};

constexpr const char* select_named = R"sql(
  SELECT
    (SELECT count(*) FROM sites WHERE site_id = ANY ($1::text[])),
    (SELECT count(*) FROM (SELECT group_id FROM device_groups UNION ALL
                           SELECT group_id FROM dynamic_device_groups) g
     WHERE group_id = ANY ($2::text[])),
    (SELECT metric_key FROM device_sensors WHERE id = $3),
    EXISTS (SELECT FROM escalation_policies WHERE policy_id = $4)
)sql";

void unique(std::vector<std::string>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

RuleColumns columns_of(AlertRuleCreate body) {
  drop_empty(body.sensor_type);
  drop_empty(body.aggregation);
  drop_empty(body.device_group_id);
  drop_empty(body.device_type);
  drop_empty(body.site_ids);
  drop_empty(body.group_ids);
  check_sensors(body);
  if (body.name.find_first_not_of(" \t\r\n") == std::string::npos)
    throw ValidationError({"body", "name"}, "must not be blank", "value_error");
  if (body.clear_threshold)
    if (const auto fault = no_clear_threshold(body); !fault.empty()) throw bad_request(fault);
  RuleColumns out;
  out.name = body.name;
  out.description = body.description;
  out.enabled = body.enabled;
  out.rule_type = body.rule_type;
  out.match_mode = body.match_mode;
  out.severity = body.severity;
  out.duration_seconds = body.duration_seconds;
  out.duration_minutes = body.duration_minutes;
  out.clear_threshold = body.clear_threshold;
  out.clear_after_seconds = body.clear_after_seconds;
  out.site_ids = body.site_ids;
  out.group_ids = body.group_ids;
  out.device_group_id = body.device_group_id;
  out.device_type = body.device_type;
  out.sensor_id = body.sensor_id;
  out.sensor_type = body.sensor_type;
  out.escalation_policy_id = body.escalation_policy_id;
  if (body.rule_type == "anomaly") {
    if (!body.anomaly_conditions)
      throw missing("anomaly_conditions", "anomaly_conditions is required");
    check_metric(body.anomaly_conditions->metric_name);
    out.metric_name = body.anomaly_conditions->metric_name;
    out.conditions = object_of(json::to_text(*body.anomaly_conditions));
  } else if (body.rule_type == "telemetry_gap") {
    if (!body.gap_conditions) throw missing("gap_conditions", "gap_conditions is required");
    check_metric(body.gap_conditions->metric_name);
    out.metric_name = body.gap_conditions->metric_name;
    out.conditions = object_of(json::to_text(*body.gap_conditions));
  } else if (body.rule_type == "window") {
    window_columns(body, out);
  } else {
    threshold_columns(body, out);
  }
  check_clear_threshold(out);
  return out;
}

Task<RuleColumns> checked_columns(tenancy::TenantDb db, AlertRuleCreate body) {
  auto out = columns_of(std::move(body));
  Named named;
  named.sites = out.site_ids.value_or(std::vector<std::string>());
  named.groups = out.group_ids.value_or(std::vector<std::string>());
  if (out.device_group_id) named.groups.push_back(*out.device_group_id);
  unique(named.sites);
  unique(named.groups);
  named.sensor = out.sensor_id;
  named.policy = out.escalation_policy_id;
  if (named.sites.empty() && named.groups.empty() && !named.sensor && !named.policy) co_return out;
  auto params = pg::Params::of(named.sites, named.groups, named.sensor, named.policy);
  const auto rows = co_await db.query(select_named, std::move(params));
  if (rows.int64(0, 0) != static_cast<std::int64_t>(named.sites.size()))
    throw bad_request("Invalid site_id value");
  if (rows.int64(0, 1) != static_cast<std::int64_t>(named.groups.size()))
    throw bad_request("Invalid group_id value");
  if (named.sensor) {
    if (rows.null(0, 2)) throw bad_request("Invalid sensor_id for tenant");
    out.metric_name = rows.text(0, 2);
  }
  if (named.policy && !rows.boolean(0, 3)) throw bad_request("Invalid escalation_policy_id value");
  co_return out;
}

namespace {

template <class T>
void put(std::optional<T>& member, const json::Patch<T>& change) {
  if (change.present) member = change.value;
}
template <class T>
void put(T& member, const json::Patch<T>& change, const char* name) {
  if (!change.present) return;
  if (!change.value) throw bad_request(std::string(name) + " can't be null");
  member = *change.value;
}

}  // namespace

bool changes_nothing(const AlertRuleUpdate& changes) {
  bool nothing = true;
  boost::mp11::mp_for_each<json::described_members<AlertRuleUpdate>>(
      [&](auto d) { nothing = nothing && !(changes.*d.pointer).present; });
  return nothing;
}

void apply_changes(AlertRuleCreate& body, const AlertRuleUpdate& c) {
  put(body.name, c.name, "name");
  put(body.rule_type, c.rule_type, "rule_type");
  put(body.metric_name, c.metric_name);
  put(body.sensor_id, c.sensor_id);
  put(body.sensor_type, c.sensor_type);
  put(body.op, c.op);
  put(body.threshold, c.threshold);
  put(body.severity, c.severity, "severity");
  put(body.duration_seconds, c.duration_seconds, "duration_seconds");
  put(body.duration_minutes, c.duration_minutes);
  put(body.description, c.description);
  put(body.site_ids, c.site_ids);
  put(body.group_ids, c.group_ids);
  put(body.device_group_id, c.device_group_id);
  put(body.conditions, c.conditions);
  put(body.match_mode, c.match_mode, "match_mode");
  put(body.anomaly_conditions, c.anomaly_conditions);
  put(body.gap_conditions, c.gap_conditions);
  put(body.enabled, c.enabled, "enabled");
  put(body.aggregation, c.aggregation);
  put(body.window_seconds, c.window_seconds);
  put(body.clear_threshold, c.clear_threshold);
  put(body.clear_after_seconds, c.clear_after_seconds, "clear_after_seconds");
  put(body.device_type, c.device_type);
  put(body.escalation_policy_id, c.escalation_policy_id);
  // Who makes it another kind of rule need not know of it.
  if (body.clear_threshold && !c.clear_threshold.present && !no_clear_threshold(body).empty())
    body.clear_threshold.reset();
  // A flat condition of its own takes the list's place.
  const bool flat = c.metric_name.present || c.op.present || c.threshold.present;
  if (!flat || c.conditions.present || !body.conditions || body.conditions->list.empty()) return;
  if (body.conditions->list.size() > 1)
    throw bad_request("The rule has several conditions: change conditions");
  const auto& one = body.conditions->list.front();
  if (!c.duration_minutes.present && one.duration_minutes)
    body.duration_minutes = one.duration_minutes;
  if (!c.duration_seconds.present && one.duration_seconds)
    body.duration_seconds = *one.duration_seconds;
  body.conditions.reset();
}

}  // namespace pulse::alerting
