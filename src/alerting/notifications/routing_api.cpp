// Rules that say which alerts go to which channels.
#include "alerting/mounts.hpp"
#include "alerting/notifications/routing.hpp"

namespace pulse::alerting {

namespace {

using namespace notifications;
using tenancy::AuditLog;
using tenancy::TenantCaller;
using RuleId = http::Path<"rule_id", std::int32_t>;

struct RoutingRules {
  std::vector<RoutingRule> rules;
};
BOOST_DESCRIBE_STRUCT(RoutingRules, (), (rules))
struct SimulatedRoutes {
  std::vector<SimulatedRoute> routes;
};
BOOST_DESCRIBE_STRUCT(SimulatedRoutes, (), (routes))

void tell(const AlertingDeps& d, const TenantCaller& caller, const std::string& action,
          std::int64_t id, boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "notification-routing-rules");
  d.audit->write(AuditLog::of(
      caller, "notification_routing." + action + "d", action, "notification_routing_rule",
      std::to_string(id), "Notification routing rule " + std::to_string(id) + " " + action + "d",
      std::move(details)));
}

void throw_unless_stored(RuleStored stored) {
  if (stored == RuleStored::no_such_rule) throw not_found("Routing rule not found");
  if (stored == RuleStored::no_such_channel) throw not_found("Channel not found");
  if (stored == RuleStored::no_such_zone)
    throw bad_request("timezone must be a name of the IANA time zone database");
}

Task<RoutingRule> known_rule(tenancy::TenantDb db, std::int64_t id) {
  auto rule = co_await find_routing_rule(db, id);
  if (!rule) throw not_found("Routing rule not found");
  co_return std::move(*rule);
}

Task<RoutingRules> list_rules(AlertingDeps, TenantCaller caller) {
  RoutingRules out;
  out.rules = co_await routing_rules(caller.db);
  co_return out;
}

Task<http::Created<RoutingRule>> create_rule(AlertingDeps d, TenantCaller caller,
                                             http::Body<RoutingRuleIn> body) {
  std::int64_t id = 0;
  const auto stored = co_await insert_routing_rule(caller.db, caller.tenant(), body.value, &id);
  throw_unless_stored(stored);
  boost::json::object details{{"channel_id", body->channel_id}};
  tell(d, caller, "create", id, std::move(details));
  auto made = co_await known_rule(caller.db, id);
  co_return http::Created<RoutingRule>{std::move(made)};
}

Task<RoutingRule> change_rule(AlertingDeps d, TenantCaller caller, RuleId id,
                              http::Body<RoutingRuleIn> body) {
  boost::json::object changes;
  co_await known_rule(caller.db, id.value);
  const auto stored = co_await update_routing_rule(caller.db, id.value, body.value, &changes);
  throw_unless_stored(stored);
  tell(d, caller, "update", id.value, std::move(changes));
  co_return co_await known_rule(caller.db, id.value);
}

Task<http::NoContent> delete_rule(AlertingDeps d, TenantCaller caller, RuleId id) {
  const bool removed = co_await remove_routing_rule(caller.db, id.value);
  if (!removed) throw not_found("Routing rule not found");
  tell(d, caller, "delete", id.value);
  co_return http::NoContent{};
}

Task<SimulatedRoutes> simulate_alert(AlertingDeps, TenantCaller caller,
                                     http::Body<SimulatedAlert> body) {
  SimulatedRoutes out;
  out.routes = co_await simulate(caller.db, caller.tenant(), body.value);
  co_return out;
}

}  // namespace

void mount_notification_routing(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/notification-routing-rules", one = base + "/{rule_id}";
  const std::string words =
      "All rules that match tell their channel, once an event. `device_tag_key` matches the tag "
      "itself, and `key:value` or `key=value`; with `device_tag_val` that value only. "
      "`throttle_minutes`: the same alert is not told again to the same channel for so long, "
      "though "
      "it opens anew. `active_hours` are hours in `timezone` (or the tenant's) outside which the "
      "rule tells nothing.";
  const std::string zone = "timezone must be a name of the IANA time zone database";
  api.get(base, http::bound(d, list_rules))
      .customers()
      .tag("Notifications")
      .summary("Which alerts go to which channels, by priority");
  api.post(base, http::bound(d, create_rule))
      .needs("notifications.routing.create")
      .tag("Notifications")
      .summary("Add a routing rule")
      .description(words)
      .example({{"channel_id", 1}, {"min_severity", 4}, {"deliver_on", {"OPEN", "CLOSED"}}})
      .fails(400, zone)
      .fails(404, "Channel not found");
  api.put(one, http::bound(d, change_rule))
      .needs("notifications.routing.update")
      .tag("Notifications")
      .summary("Change a routing rule")
      .description(words)
      .fails(400, zone)
      .fails(404, "Routing rule not found");
  api.del(one, http::bound(d, delete_rule))
      .needs("notifications.routing.delete")
      .tag("Notifications")
      .summary("Delete a routing rule")
      .fails(404, "Routing rule not found");
  api.post(base + "/simulate", http::bound(d, simulate_alert))
      .customers()
      .tag("Notifications")
      .summary("What would happen to an alert: which rules tell of it, and what keeps the others")
      .description("Throttling and summaries depend on what was told before, and are left out.")
      .example({{"device_id", "sensor-1"}, {"severity", 4}, {"alert_type", "THRESHOLD"}});
}

}  // namespace pulse::alerting
