// Rules: list, make, change, remove.
#include <algorithm>

#include "alerting/alert_outbox.hpp"
#include "alerting/alerts.hpp"
#include "alerting/mounts.hpp"
#include "alerting/rules.hpp"
#include "alerting/rules_told.hpp"
#include "platform/errors.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;

struct AlertRuleQuery {
  std::int64_t limit = 1000;
  std::optional<std::string> device_id;
};
BOOST_DESCRIBE_STRUCT(AlertRuleQuery, (), (limit, device_id))
inline auto constraints(json::As<AlertRuleQuery>) {
  return json::rules<AlertRuleQuery>()
      .range(&AlertRuleQuery::limit, 1, 10'000)
      .describe(&AlertRuleQuery::device_id, "Those that are for this device");
}
struct AlertRuleList {
  std::string tenant_id;
  std::vector<AlertRule> rules;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(AlertRuleList, (), (tenant_id, rules, count))
struct DeletedAlertRule {
  std::string rule_id;
  bool deleted = true;
  std::int64_t closed_alerts = 0;
};
BOOST_DESCRIBE_STRUCT(DeletedAlertRule, (), (rule_id, deleted, closed_alerts))

struct ScopedDevice {
  std::string site_id, device_type;
  std::vector<std::string> sensor_types;
  std::vector<std::int64_t> sensor_ids;
};
BOOST_DESCRIBE_STRUCT(ScopedDevice, (), (site_id, device_type, sensor_types, sensor_ids))

constexpr const char* select_device = R"sql(
  SELECT coalesce(r.site_id, '') AS site_id, coalesce(r.device_type, '') AS device_type,
    ARRAY(SELECT DISTINCT coalesce(k.sensor_type, 'unknown') FROM device_sensors k
          WHERE k.device_id = r.device_id) AS sensor_types,
    ARRAY(SELECT k.id FROM device_sensors k WHERE k.device_id = r.device_id) AS sensor_ids
  FROM device_registry r WHERE r.device_id = $1 AND r.status <> 'DELETED'
)sql";

template <class T>
bool among(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

using Members = std::map<std::string, std::set<std::string>>;

bool is_for(const StoredRule& r, const ScopedDevice& device, const std::string& id,
            const Members& members) {
  const auto in_group = [&](const std::string& group) {
    const auto at = members.find(group);
    return at != members.end() && at->second.contains(id);
  };
  if (r.site_ids && !r.site_ids->empty() && !among(*r.site_ids, device.site_id)) return false;
  if (r.device_type && *r.device_type != device.device_type) return false;
  if (r.device_group_id && !in_group(*r.device_group_id)) return false;
  if (r.group_ids && !r.group_ids->empty() &&
      std::none_of(r.group_ids->begin(), r.group_ids->end(), in_group))
    return false;
  if (r.sensor_id && !among(device.sensor_ids, std::int64_t{*r.sensor_id})) return false;
  return !r.sensor_type || among(device.sensor_types, *r.sensor_type);
}

Task<std::vector<StoredRule>> rules_for(tenancy::TenantDb db, std::vector<StoredRule> rules,
                                        std::string device_id) {
  const auto rows = co_await db.query(select_device, pg::Params::of(device_id));
  if (rows.empty()) throw not_found("Device not found");
  const auto device = pg::row_as<ScopedDevice>(rows, 0);
  std::set<std::string> groups;
  for (const auto& r : rules) {
    if (r.device_group_id) groups.insert(*r.device_group_id);
    if (r.group_ids) groups.insert(r.group_ids->begin(), r.group_ids->end());
  }
  const auto members = co_await members_of_groups(db, std::move(groups));
  std::erase_if(rules, [&](const StoredRule& r) { return !is_for(r, device, device_id, members); });
  co_return rules;
}

Task<AlertRuleList> list_rules(AlertingDeps, TenantCaller caller,
                               http::Query<AlertRuleQuery> query) {
  std::optional<std::int64_t> most = query->limit;
  if (query->device_id) most.reset();  // those that are for it may be the last ones
  auto rules = co_await stored_rules(caller.db, std::nullopt, most);
  if (query->device_id) rules = co_await rules_for(caller.db, std::move(rules), *query->device_id);
  if (rules.size() > static_cast<std::size_t>(query->limit))
    rules.resize(static_cast<std::size_t>(query->limit));
  AlertRuleList out;
  out.tenant_id = caller.tenant();
  for (const auto& r : rules) out.rules.push_back(answer_of(r));
  out.count = static_cast<std::int64_t>(out.rules.size());
  co_return out;
}

Task<AlertRule> get_rule(AlertingDeps, TenantCaller caller, http::Path<"rule_id"> id) {
  const auto rule = co_await known_rule(caller.db, id.value);
  co_return answer_of(rule);
}

Task<http::Created<AlertRule>> create_rule(AlertingDeps d, TenantCaller caller,
                                           http::Body<AlertRuleCreate> body) {
  auto columns = co_await checked_columns(caller.db, body.value);
  auto tx = co_await caller.db.begin();
  co_await require_room_for_rules(tx, caller.tenant(), 1);
  const auto id = co_await insert_rule(tx, caller.tenant(), std::move(columns));
  co_await tx.commit();
  rules_felt(d, caller);
  rule_told(d, caller, "create", id, "Alert rule " + body->name + " created");
  const auto made = co_await known_rule(caller.db, id);
  co_return http::Created<AlertRule>{answer_of(made)};
}

/// All columns as they are now; the row's own words tell which changed.
pg::RowChange change_to(const RuleColumns& columns) {
  pg::RowChange change;
  boost::mp11::mp_for_each<json::described_members<RuleColumns>>(
      [&](auto d) { change.set(d.name, pg::as_parameter(columns.*d.pointer)); });
  change.also("updated_at = now()");
  return change;
}

Task<AlertRule> patch_rule(AlertingDeps d, TenantCaller caller, http::Path<"rule_id"> id,
                           http::Body<AlertRuleUpdate> body) {
  const auto before = co_await known_rule(caller.db, id.value);
  if (changes_nothing(body.value)) throw bad_request("No fields to update");
  auto wanted = body_of(before);
  apply_changes(wanted, body.value);
  const auto columns = co_await checked_columns(caller.db, std::move(wanted));
  const auto statement = change_to(columns).in("alert_rules", "rule_id = ?", id.value);
  auto tx = co_await caller.db.begin();
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Alert rule not found");
  if (!columns.enabled) {
    const auto close = close_alerts_of_rule(id.value);
    co_await tx.query(close.first, close.second);
  }
  co_await tx.commit();
  if (!columns.enabled) alerts_changed(*d.nats);
  rules_felt(d, caller);
  rule_told(d, caller, "update", id.value, "Alert rule " + columns.name + " changed",
            pg::RowChange::told(rows));
  const auto after = co_await known_rule(caller.db, id.value);
  co_return answer_of(after);
}

Task<DeletedAlertRule> delete_rule(AlertingDeps d, TenantCaller caller, http::Path<"rule_id"> id) {
  const auto rule = co_await known_rule(caller.db, id.value);
  const auto close = close_alerts_of_rule(id.value);
  auto tx = co_await caller.db.begin();
  // The rule first: who opens an alert for it holds it, and finds it gone afterwards.
  const auto gone = co_await tx.query(
      "DELETE FROM alert_rules WHERE rule_id = $1::uuid RETURNING 1", pg::Params::of(id.value));
  if (gone.empty()) throw not_found("Alert rule not found");
  const auto closed = co_await tx.query(close.first, close.second);
  co_await tx.commit();
  alerts_changed(*d.nats);
  rules_felt(d, caller);
  rule_told(d, caller, "delete", id.value, "Alert rule " + rule.name + " deleted");
  DeletedAlertRule out;
  out.rule_id = id.value;
  out.closed_alerts = closed.affected();
  co_return out;
}

}  // namespace

void mount_rules(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/alert-rules";
  const std::string one = base + "/{rule_id}";
  const std::string no_id = "Invalid rule_id format: must be a valid UUID";
  const std::string faults =
      "Invalid metric_name format; Invalid operator value; Invalid site_id value; "
      "Invalid group_id value; threshold is required; aggregation must be one of: ...; "
      "Only one targeting mode allowed: sensor_id OR sensor_type; clear_threshold must be at most "
      "the threshold with operator GT; ...";
  const auto endpoint = [](http::Endpoint e, const char* summary) {
    return e.tag("Alert rules").summary(summary);
  };
  endpoint(api.get(base, http::bound(d, list_rules)), "List alert rules")
      .customers()
      .description("`metric_name`, `operator` and `threshold` are those of the first condition.")
      .fails(404, "Device not found");
  endpoint(api.get(one, http::bound(d, get_rule)), "One alert rule")
      .customers()
      .fails(400, no_id)
      .fails(404, "Alert rule not found");
  endpoint(api.post(base, http::bound(d, create_rule)), "Create an alert rule")
      .needs("alert-rules.create")
      .description(
          "threshold: one flat condition, or up to ten in `conditions`. window: `aggregation` of "
          "`metric_name` over `window_seconds`. anomaly: `anomaly_conditions`. telemetry_gap: "
          "`gap_conditions`. It is at work within a second.")
      .fails(400, faults)
      .fails(403, "Alert rule limit reached: tier ... allows ... alert rules")
      .example({{"name", "Too warm"},
                {"metric_name", "temp_c"},
                {"operator", "GT"},
                {"threshold", 30},
                {"duration_minutes", 5},
                {"severity", 4}});
  endpoint(api.patch(one, http::bound(d, patch_rule)), "Change an alert rule")
      .needs("alert-rules.update")
      .description("Disabling closes its open alerts (`rule_removed`).")
      .fails(400, no_id + "; No fields to update; " + faults)
      .fails(404, "Alert rule not found");
  endpoint(api.del(one, http::bound(d, delete_rule)), "Delete an alert rule")
      .needs("alert-rules.delete")
      .description("Closes its open alerts (`rule_removed`).")
      .fails(400, no_id)
      .fails(404, "Alert rule not found");
}

}  // namespace pulse::alerting
