#pragma once
// Which alerts go to which channels.
#include <optional>
#include <string>
#include <vector>

#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting::notifications {

/// Hours of some days; an end before the start runs over midnight. `dow`: 0 is Sunday.
struct ActiveHours {
  std::vector<std::int64_t> dow;
  std::int64_t start_hour = 0, end_hour = 24;
};
BOOST_DESCRIBE_STRUCT(ActiveHours, (), (dow, start_hour, end_hour))
inline auto constraints(json::As<ActiveHours>) {
  using T = ActiveHours;
  return json::rules<T>()
      .items(&T::dow, 1, 7)
      .check("dow",
             [](const T& v) -> std::string {
               for (const auto day : v.dow)
                 if (day < 0 || day > 6) return "must be days of the week, 0 (Sunday) to 6";
               return {};
             })
      .range(&T::start_hour, 0, 23)
      .range(&T::end_hour, 0, 24)
      .check("end_hour", [](const T& v) -> std::string {
        return v.start_hour == v.end_hour ? "must differ from start_hour" : "";
      });
}

std::string fault_of_events(const std::vector<std::string>& events);
std::string fault_of_texts(const std::optional<std::vector<std::string>>& texts);

struct RoutingRuleIn {
  std::int64_t channel_id = 0;
  std::optional<std::int64_t> min_severity;
  std::optional<std::string> alert_type, device_tag_key, device_tag_val;
  std::optional<std::vector<std::string>> site_ids, device_prefixes;
  std::vector<std::string> deliver_on{"OPEN"};
  std::int64_t throttle_minutes = 0, priority = 100;
  bool is_enabled = true;
  std::optional<std::vector<ActiveHours>> active_hours;
  std::optional<std::string> timezone;
};
BOOST_DESCRIBE_STRUCT(RoutingRuleIn, (),
                      (channel_id, min_severity, alert_type, device_tag_key, device_tag_val,
                       site_ids, device_prefixes, deliver_on, throttle_minutes, priority,
                       is_enabled, active_hours, timezone))
inline std::vector<std::string_view> optional_members(json::As<RoutingRuleIn>) {
  return {"deliver_on", "throttle_minutes", "priority", "is_enabled"};
}
inline auto constraints(json::As<RoutingRuleIn>) {
  using T = RoutingRuleIn;
  return json::rules<T>()
      .range(&T::channel_id, 1, 2147483647)
      .range(&T::min_severity, 1, 5)
      .length(&T::alert_type, 1, 100)
      .length(&T::device_tag_key, 1, 200)
      .length(&T::device_tag_val, 1, 200)
      .check("device_tag_val",
             [](const T& v) -> std::string {
               return v.device_tag_val && !v.device_tag_key ? "needs device_tag_key" : "";
             })
      .check("site_ids", [](const T& v) { return fault_of_texts(v.site_ids); })
      .check("device_prefixes", [](const T& v) { return fault_of_texts(v.device_prefixes); })
      .check("deliver_on", [](const T& v) { return fault_of_events(v.deliver_on); })
      .range(&T::throttle_minutes, 0, 10080)
      .range(&T::priority, -1000000, 1000000)
      .items(&T::active_hours, 0, 20)
      .length(&T::timezone, 1, 64);
}

/// As callers see it.
struct RoutingRule {
  std::int64_t rule_id = 0;
  std::string tenant_id;
  std::int64_t channel_id = 0;
  std::optional<std::int64_t> min_severity;
  std::optional<std::string> alert_type, device_tag_key, device_tag_val;
  std::optional<std::vector<std::string>> site_ids, device_prefixes;
  std::vector<std::string> deliver_on;
  std::int64_t throttle_minutes = 0, priority = 100;
  bool is_enabled = true;
  std::vector<ActiveHours> active_hours;
  std::optional<std::string> timezone;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(RoutingRule, (),
                      (rule_id, tenant_id, channel_id, min_severity, alert_type, device_tag_key,
                       device_tag_val, site_ids, device_prefixes, deliver_on, throttle_minutes,
                       priority, is_enabled, active_hours, timezone, created_at))

/// An alert that there might be; `device_id` says the rest where it is not given.
struct SimulatedAlert {
  std::string device_id;
  std::optional<std::string> site_id;
  std::string alert_type = "THRESHOLD", event = "OPEN";
  std::int64_t severity = 3;
  std::optional<Time> at;
};
BOOST_DESCRIBE_STRUCT(SimulatedAlert, (), (device_id, site_id, alert_type, event, severity, at))
inline std::vector<std::string_view> optional_members(json::As<SimulatedAlert>) {
  return {"alert_type", "event", "severity"};
}
inline auto constraints(json::As<SimulatedAlert>) {
  using T = SimulatedAlert;
  return json::rules<T>()
      .length(&T::device_id, 1, 128)
      .length(&T::site_id, 0, 128)
      .length(&T::alert_type, 1, 100)
      .one_of(&T::event, {"OPEN", "ACKNOWLEDGED", "CLOSED", "ESCALATED"})
      .range(&T::severity, 1, 5);
}

/// What a rule would do. `obstacles`: the members that keep it from telling; none: it tells.
struct SimulatedRoute {
  std::int64_t rule_id = 0, channel_id = 0, priority = 0;
  std::string channel_name, channel_type;
  bool tells = false;
  std::vector<std::string> obstacles;
};
BOOST_DESCRIBE_STRUCT(SimulatedRoute, (),
                      (rule_id, channel_id, priority, channel_name, channel_type, tells, obstacles))

enum class RuleStored { stored, no_such_rule, no_such_channel, no_such_zone };

Task<std::vector<RoutingRule>> routing_rules(tenancy::TenantDb db);
Task<std::optional<RoutingRule>> find_routing_rule(tenancy::TenantDb db, std::int64_t id);
Task<RuleStored> insert_routing_rule(tenancy::TenantDb db, std::string tenant_id,
                                     RoutingRuleIn rule, std::int64_t* id);
Task<RuleStored> update_routing_rule(tenancy::TenantDb db, std::int64_t id, RoutingRuleIn rule,
                                     boost::json::object* changes);
Task<bool> remove_routing_rule(tenancy::TenantDb db, std::int64_t id);
Task<std::vector<SimulatedRoute>> simulate(tenancy::TenantDb db, std::string tenant_id,
                                           SimulatedAlert alert);

}  // namespace pulse::alerting::notifications
