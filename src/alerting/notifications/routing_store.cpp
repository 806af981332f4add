#include "alerting/notifications/routing.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting::notifications {

namespace {

const std::string select_rules =
    "SELECT rule_id, tenant_id, channel_id, min_severity, alert_type, device_tag_key, "
    "device_tag_val, site_ids, device_prefixes, deliver_on, throttle_minutes, priority, "
    "is_enabled, active_hours, timezone, created_at FROM notification_routing_rules ";

std::vector<RoutingRule> rules_of(const pg::Result& rows) {
  auto out = pg::rows_as<RoutingRule>(rows);
  const int hours = rows.column("active_hours");
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, hours))
      out[static_cast<std::size_t>(i)].active_hours =
          json::from_text<std::vector<ActiveHours>>(rows.text(i, hours));
  return out;
}

std::optional<std::string> hours_text(const RoutingRuleIn& rule) {
  if (!rule.active_hours || rule.active_hours->empty()) return std::nullopt;
  return json::to_text(*rule.active_hours);
}

/// What the rule refers to, looked at before it is written.
Task<RuleStored> check(tenancy::TenantDb db, RoutingRuleIn rule) {
  const auto rows = co_await db.query(
      "SELECT EXISTS (SELECT FROM notification_channels WHERE channel_id = $1), "
      "$2::text IS NULL OR EXISTS (SELECT FROM pg_timezone_names WHERE name = $2)",
      pg::Params::of(rule.channel_id, rule.timezone));
  if (!rows.boolean(0, 0)) co_return RuleStored::no_such_channel;
  if (!rows.boolean(0, 1)) co_return RuleStored::no_such_zone;
  co_return RuleStored::stored;
}

}  // namespace

std::string fault_of_events(const std::vector<std::string>& events) {
  if (events.empty()) return "must have at least 1 item(s)";
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& e = events[i];
    if (e != "OPEN" && e != "ACKNOWLEDGED" && e != "CLOSED" && e != "ESCALATED")
      return "must be some of OPEN, ACKNOWLEDGED, CLOSED, ESCALATED";
    for (std::size_t k = 0; k < i; ++k)
      if (events[k] == e) return "names " + e + " twice";
  }
  return {};
}

std::string fault_of_texts(const std::optional<std::vector<std::string>>& texts) {
  if (!texts) return {};
  if (texts->size() > 500) return "must have at most 500 items";
  for (const auto& text : *texts)
    if (text.empty() || text.size() > 128) return "must be texts of 1 to 128 characters";
  return {};
}

Task<std::vector<RoutingRule>> routing_rules(tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_rules + "ORDER BY priority, rule_id");
  co_return rules_of(rows);
}

Task<std::optional<RoutingRule>> find_routing_rule(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(select_rules + "WHERE rule_id = $1", pg::Params::of(id));
  auto all = rules_of(rows);
  if (all.empty()) co_return std::nullopt;
  co_return std::move(all.front());
}

Task<RuleStored> insert_routing_rule(tenancy::TenantDb db, std::string tenant_id,
                                     RoutingRuleIn rule, std::int64_t* id) {
  const auto checked = co_await check(db, rule);
  if (checked != RuleStored::stored) co_return checked;
  const auto rows = co_await db.query(
      R"sql(
    INSERT INTO notification_routing_rules (tenant_id, channel_id, min_severity, alert_type,
      device_tag_key, device_tag_val, site_ids, device_prefixes, deliver_on, throttle_minutes,
      priority, is_enabled, active_hours, timezone)
    SELECT $1, channel_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
    FROM notification_channels WHERE channel_id = $2 RETURNING rule_id
  )sql",
      pg::Params::of(tenant_id, rule.channel_id, rule.min_severity, rule.alert_type,
                     rule.device_tag_key, rule.device_tag_val, rule.site_ids, rule.device_prefixes,
                     rule.deliver_on, rule.throttle_minutes, rule.priority, rule.is_enabled,
                     hours_text(rule), rule.timezone));
  if (rows.empty()) co_return RuleStored::no_such_channel;
  *id = rows.int64(0, 0);
  co_return RuleStored::stored;
}

Task<RuleStored> update_routing_rule(tenancy::TenantDb db, std::int64_t id, RoutingRuleIn rule,
                                     boost::json::object* changes) {
  const auto checked = co_await check(db, rule);
  if (checked != RuleStored::stored) co_return checked;
  pg::RowChange change;
  change.set("channel_id", rule.channel_id)
      .set("min_severity", rule.min_severity)
      .set("alert_type", rule.alert_type)
      .set("device_tag_key", rule.device_tag_key)
      .set("device_tag_val", rule.device_tag_val)
      .set("site_ids", rule.site_ids)
      .set("device_prefixes", rule.device_prefixes)
      .set("deliver_on", rule.deliver_on)
      .set("throttle_minutes", rule.throttle_minutes)
      .set("priority", rule.priority)
      .set("is_enabled", rule.is_enabled)
      .set("active_hours", hours_text(rule), "?::jsonb")
      .set("timezone", rule.timezone);
  auto statement = change.in("notification_routing_rules", "rule_id = ?", id);
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return RuleStored::no_such_rule;
  *changes = pg::RowChange::told(rows);
  co_return RuleStored::stored;
}

Task<bool> remove_routing_rule(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query("DELETE FROM notification_routing_rules WHERE rule_id = $1",
                                      pg::Params::of(id));
  co_return rows.affected() > 0;
}

Task<std::vector<SimulatedRoute>> simulate(tenancy::TenantDb db, std::string tenant_id,
                                           SimulatedAlert alert) {
  // Named: GCC 12 destroys a conditional's temporary twice inside a co_await expression.
  const auto at = alert.at ? std::optional(iso8601(*alert.at)) : std::nullopt;
  const auto params = pg::Params::of(tenant_id, alert.device_id, alert.site_id, alert.alert_type,
                                     alert.severity, alert.event, at);
  const auto rows = co_await db.query(
      R"sql(
    SELECT r.rule_id, r.channel_id, r.priority, c.name AS channel_name, c.channel_type,
           cardinality(r.obstacles) = 0 AS tells, r.obstacles
    FROM (SELECT coalesce($3, (SELECT site_id FROM device_registry WHERE device_id = $2),
                          '') AS site_id) s
    CROSS JOIN LATERAL pulse_routing($1, $2, s.site_id, $4, $5::integer, $6,
                                     coalesce($7::timestamptz, now())) r
    JOIN notification_channels c USING (channel_id)
    ORDER BY r.priority, r.rule_id
  )sql",
      params);
  co_return pg::rows_as<SimulatedRoute>(rows);
}

}  // namespace pulse::alerting::notifications
