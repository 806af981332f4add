#include "alerting/evaluator_store.hpp"
#include "alerting/rules.hpp"
#include "fleet/group_targets.hpp"
#include "platform/errors.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting {

namespace {

constexpr const char* select_rules = R"sql(
  SELECT r.*, (SELECT count(*) FROM fleet_alert a WHERE a.tenant_id = r.tenant_id
               AND a.rule_id = r.rule_id AND a.status IN ('OPEN', 'ACKNOWLEDGED')) AS open_alerts
  FROM alert_rules r WHERE $1::uuid IS NULL OR r.rule_id = $1::uuid
  ORDER BY r.id LIMIT $2
)sql";

constexpr const char* room = R"sql(
  SELECT (SELECT count(*) FROM alert_rules), a.name,
         CASE WHEN jsonb_typeof(a.limits -> 'alert_rules') = 'number'
              THEN trunc((a.limits -> 'alert_rules')::numeric)::bigint END
  FROM tenants t LEFT JOIN account_tiers a ON a.tier_id = t.account_tier_id
)sql";

/// The object of anomalies and gaps, the list of thresholds.
std::vector<RuleCondition> listed(const RuleColumns& rule) {
  std::vector<RuleCondition> out;
  const auto parsed = conditions_of(rule.conditions, std::nullopt, 0);
  for (const auto& c : parsed.list) {
    RuleCondition one;
    one.metric_name = c.metric;
    one.op = name_of(c.op);
    one.threshold = c.threshold;
    if (c.duration_s > 0 && c.duration_s % 60 == 0)
      one.duration_minutes = static_cast<std::int32_t>(c.duration_s / 60);
    else if (c.duration_s > 0)
      one.duration_seconds = static_cast<std::int32_t>(c.duration_s);
    out.push_back(std::move(one));
  }
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

}  // namespace

AlertRule answer_of(const StoredRule& r) {
  AlertRule out;
  out.tenant_id = r.tenant_id;
  out.rule_id = r.rule_id;
  out.name = r.name;
  out.enabled = r.enabled;
  out.rule_type = r.rule_type;
  out.metric_name = r.metric_name.value_or("");
  out.op = r.op.value_or("GT");
  out.threshold = r.threshold.value_or(0);
  out.severity = r.severity;
  out.description = r.description;
  out.site_ids = r.site_ids;
  out.group_ids = r.group_ids;
  out.match_mode = r.match_mode;
  out.duration_seconds = r.duration_seconds;
  out.duration_minutes = r.duration_minutes;
  out.aggregation = r.aggregation;
  out.window_seconds = r.window_seconds;
  out.device_group_id = r.device_group_id;
  out.sensor_id = r.sensor_id;
  out.sensor_type = r.sensor_type;
  out.clear_threshold = r.clear_threshold;
  out.clear_after_seconds = r.clear_after_seconds;
  out.device_type = r.device_type;
  out.escalation_policy_id = r.escalation_policy_id;
  out.open_alerts = r.open_alerts;
  out.created_at = r.created_at;
  out.updated_at = r.updated_at;
  if (r.rule_type == "anomaly") {
    out.anomaly_conditions = json::from_value<AnomalyConditions>(r.conditions);
    out.threshold = out.anomaly_conditions->z_threshold;
  } else if (r.rule_type == "telemetry_gap") {
    out.gap_conditions = json::from_value<TelemetryGapConditions>(r.conditions);
    out.threshold = out.gap_conditions->gap_minutes;
  } else {
    out.conditions = listed(r);
  }
  return out;
}

AlertRuleCreate body_of(const RuleColumns& r) {
  AlertRuleCreate out;
  out.name = r.name;
  out.rule_type = r.rule_type;
  out.sensor_id = r.sensor_id;
  out.sensor_type = r.sensor_type;
  out.severity = r.severity;
  out.duration_seconds = r.duration_seconds;
  out.duration_minutes = r.duration_minutes;
  out.description = r.description;
  out.site_ids = r.site_ids;
  out.group_ids = r.group_ids;
  out.device_group_id = r.device_group_id;
  out.match_mode = r.match_mode;
  out.enabled = r.enabled;
  out.aggregation = r.aggregation;
  out.window_seconds = r.window_seconds;
  out.clear_threshold = r.clear_threshold;
  out.clear_after_seconds = r.clear_after_seconds;
  out.device_type = r.device_type;
  out.escalation_policy_id = r.escalation_policy_id;
  if (r.rule_type == "anomaly") {
    out.anomaly_conditions = json::from_value<AnomalyConditions>(r.conditions);
    return out;
  }
  if (r.rule_type == "telemetry_gap") {
    out.gap_conditions = json::from_value<TelemetryGapConditions>(r.conditions);
    return out;
  }
  if (!r.sensor_id) out.metric_name = r.metric_name;
  out.op = r.op;
  out.threshold = r.threshold;
  ConditionsBody conditions;
  conditions.list = listed(r);
  if (!conditions.list.empty()) out.conditions = std::move(conditions);
  return out;
}

Task<std::vector<StoredRule>> stored_rules(tenancy::TenantDb db, std::optional<std::string> rule_id,
                                           std::optional<std::int64_t> limit) {
  const auto rows = co_await db.query(select_rules, pg::Params::of(rule_id, limit));
  co_return pg::rows_as<StoredRule>(rows);
}

Task<StoredRule> known_rule(tenancy::TenantDb db, std::string rule_id) {
  if (!is_uuid(rule_id)) throw bad_request("Invalid rule_id format: must be a valid UUID");
  auto rules = co_await stored_rules(std::move(db), std::move(rule_id), 1);
  if (rules.empty()) throw not_found("Alert rule not found");
  co_return std::move(rules.front());
}

Task<> lock_rules(pg::Transaction& tx, std::string tenant_id) {
  co_await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('alert_rules:' || $1, 0))",
                    pg::Params::of(tenant_id));
}

Task<> require_room_for_rules(pg::Transaction& tx, std::string tenant_id, std::int64_t more) {
  co_await lock_rules(tx, std::move(tenant_id));
  const auto rows = co_await tx.query(room);
  if (rows.null(0, 2) || rows.int64(0, 0) + more <= rows.int64(0, 2)) co_return;
  throw forbidden("Alert rule limit reached: tier " + std::string(rows.text(0, 1)) + " allows " +
                  std::to_string(rows.int64(0, 2)) +
                  " alert rules. Delete one, or ask for a larger tier.");
}

Task<std::string> insert_rule(pg::Transaction& tx, std::string tenant_id, RuleColumns columns) {
  auto statement =
      pg::insert_of("alert_rules", columns, {{"tenant_id", tenant_id}}, "RETURNING rule_id::text");
  const auto rows = co_await tx.query(std::move(statement.first), std::move(statement.second));
  co_return std::string(rows.text(0, 0));
}

Task<std::map<std::string, std::set<std::string>>> members_of_groups(tenancy::TenantDb db,
                                                                     std::set<std::string> groups) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& group : groups) {
    const auto members = co_await fleet::targets_in_group(db, group);
    if (members) out[group] = std::set<std::string>(members->begin(), members->end());
  }
  co_return out;
}

}  // namespace pulse::alerting
