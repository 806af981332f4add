#pragma once
// Rules as they are stored and answered. Tables: alert_rules.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alerting/rule_bodies.hpp"
#include "platform/clock.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

/// The columns that people decide on.
struct RuleColumns {
  std::string name;
  std::optional<std::string> description;
  bool enabled = true;
  std::string rule_type;
  boost::json::value conditions;
  std::string match_mode;
  std::optional<std::string> metric_name, op;
  std::optional<double> threshold;
  std::int32_t severity = 3, duration_seconds = 0;
  std::optional<std::int32_t> duration_minutes;
  std::optional<std::string> aggregation;
  std::optional<std::int32_t> window_seconds;
  std::optional<double> clear_threshold;
  std::int32_t clear_after_seconds = 0;
  std::optional<std::vector<std::string>> site_ids, group_ids;
  std::optional<std::string> device_group_id, device_type;
  std::optional<std::int32_t> sensor_id;
  std::optional<std::string> sensor_type;
  std::optional<std::int32_t> escalation_policy_id;
};
PULSE_DESCRIBE_WITH_OPERATOR(
    RuleColumns, (name, description, enabled, rule_type, conditions, match_mode, metric_name),
    (threshold, severity, duration_seconds, duration_minutes, aggregation, window_seconds,
     clear_threshold, clear_after_seconds, site_ids, group_ids, device_group_id, device_type,
     sensor_id, sensor_type, escalation_policy_id))

/// A row.
struct StoredRule : RuleColumns {
  std::string tenant_id, rule_id;
  Time created_at, updated_at;
  std::int64_t open_alerts = 0;
};
BOOST_DESCRIBE_STRUCT(StoredRule, (RuleColumns),
                      (tenant_id, rule_id, created_at, updated_at, open_alerts))

/// A rule as it is answered.
struct AlertRule {
  std::string tenant_id, rule_id, name;
  bool enabled = true;
  std::string rule_type;
  std::string metric_name, op;  ///< of the first condition
  double threshold = 0;
  std::int32_t severity = 3;
  std::optional<std::string> description;
  std::optional<std::vector<std::string>> site_ids, group_ids;
  std::optional<std::vector<RuleCondition>> conditions;
  std::string match_mode;
  std::int32_t duration_seconds = 0;
  std::optional<std::int32_t> duration_minutes;
  std::optional<AnomalyConditions> anomaly_conditions;
  std::optional<TelemetryGapConditions> gap_conditions;
  std::optional<std::string> aggregation;
  std::optional<std::int32_t> window_seconds;
  std::optional<std::string> device_group_id;
  std::optional<std::int32_t> sensor_id;
  std::optional<std::string> sensor_type;
  std::optional<double> clear_threshold;
  std::int32_t clear_after_seconds = 0;
  std::optional<std::string> device_type;
  std::optional<std::int32_t> escalation_policy_id;
  std::int64_t open_alerts = 0;  ///< OPEN or ACKNOWLEDGED
  Time created_at, updated_at;
};
PULSE_DESCRIBE_WITH_OPERATOR(AlertRule, (tenant_id, rule_id, name, enabled, rule_type, metric_name),
                             (threshold, severity, description, site_ids, group_ids, conditions,
                              match_mode, duration_seconds, duration_minutes, anomaly_conditions,
                              gap_conditions, aggregation, window_seconds, device_group_id,
                              sensor_id, sensor_type, clear_threshold, clear_after_seconds,
                              device_type, escalation_policy_id, open_alerts, created_at,
                              updated_at))

AlertRule answer_of(const StoredRule& rule);
/// The body that would make the rule.
AlertRuleCreate body_of(const RuleColumns& rule);
/// `body` as `changes` make it. Throws HttpError 400 where null is given for what must have a
/// value.
void apply_changes(AlertRuleCreate& body, const AlertRuleUpdate& changes);
bool changes_nothing(const AlertRuleUpdate& changes);

/// The columns of what somebody sent, where its parts fit together. Throws HttpError 400 and
/// ValidationError.
RuleColumns columns_of(AlertRuleCreate body);
/// The same, and what it names is the tenant's: sites, groups, sensor, policy.
Task<RuleColumns> checked_columns(tenancy::TenantDb db, AlertRuleCreate body);

/// All rules by age, at most `limit` where there is one; or the one of this id.
Task<std::vector<StoredRule>> stored_rules(tenancy::TenantDb db, std::optional<std::string> rule_id,
                                           std::optional<std::int64_t> limit);
/// Throws HttpError 400 when this is no id, 404 when there is no such rule.
Task<StoredRule> known_rule(tenancy::TenantDb db, std::string rule_id);

/// Takes the tenant's lock on making rules: who else makes some waits for the end of `tx`.
Task<> lock_rules(pg::Transaction& tx, std::string tenant_id);
/// Takes that lock, and throws HttpError 403 when the tenant's tier has no room for so many more.
Task<> require_room_for_rules(pg::Transaction& tx, std::string tenant_id, std::int64_t more);
Task<std::string> insert_rule(pg::Transaction& tx, std::string tenant_id, RuleColumns columns);

/// The members of the groups that these rules name.
Task<std::map<std::string, std::set<std::string>>> members_of_groups(tenancy::TenantDb db,
                                                                     std::set<std::string> groups);

}  // namespace pulse::alerting
