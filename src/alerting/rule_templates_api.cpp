// Rules that are often wanted, by what a device measures.
#include <algorithm>

#include "alerting/mounts.hpp"
#include "alerting/rules.hpp"
#include "alerting/rules_told.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;

struct AlertRuleTemplate {
  std::string template_id, device_type, name, rule_type, metric_name, op;
  double threshold = 0;
  std::int32_t severity = 3, duration_seconds = 0;
  std::string description;
  std::optional<double> clear_threshold;
};
PULSE_DESCRIBE_WITH_OPERATOR(AlertRuleTemplate,
                             (template_id, device_type, name, rule_type, metric_name),
                             (threshold, severity, duration_seconds, description, clear_threshold))

// Metrics are named as the system's device templates name them. For a gap the threshold is minutes.
const std::vector<AlertRuleTemplate>& all_templates() {
  static const std::vector<AlertRuleTemplate> list = {
      {"temperature-high", "temperature", "Temperature high", "threshold", "temperature", "GT", 30,
       4, 300, "Warmer than 30 °C for 5 minutes; over below 28 °C", 28},
      {"temperature-low", "temperature", "Temperature low", "threshold", "temperature", "LT", 2, 4,
       300, "Colder than 2 °C for 5 minutes; over above 3 °C", 3},
      {"temperature-unusual", "temperature", "Temperature unusual", "anomaly", "temperature", "GT",
       3, 3, 0, "More than 3 standard deviations away from the last hour", std::nullopt},
      {"temperature-gap", "temperature", "No temperature", "telemetry_gap", "temperature", "GT", 15,
       3, 0, "No value for 15 minutes", std::nullopt},
      {"humidity-high", "humidity", "Humidity high", "threshold", "humidity", "GT", 70, 3, 600,
       "Above 70 % for 10 minutes: mould grows; over below 65 %", 65},
      {"humidity-low", "humidity", "Humidity low", "threshold", "humidity", "LT", 25, 2, 600,
       "Below 25 % for 10 minutes; over above 30 %", 30},
      {"battery-low", "battery", "Battery low", "threshold", "battery_pct", "LT", 20, 3, 0,
       "Below 20 %; over above 25 %", 25},
      {"battery-empty", "battery", "Battery nearly empty", "threshold", "battery_pct", "LT", 5, 5,
       0, "Below 5 %: it falls silent soon; over above 10 %", 10},
      {"signal-weak", "signal", "Signal weak", "threshold", "signal_rssi", "LT", -105, 2, 900,
       "Below -105 dBm for 15 minutes; over above -100 dBm", -100},
      {"signal-gap", "signal", "Device silent", "telemetry_gap", "signal_rssi", "GT", 30, 3, 0,
       "No signal strength for 30 minutes", std::nullopt},
      {"co2-high", "air", "Air used up", "threshold", "co2", "GT", 1200, 2, 600,
       "CO2 above 1,200 ppm for 10 minutes; over below 1,000 ppm", 1000},
      {"level-low", "level", "Tank nearly empty", "threshold", "level", "LT", 10, 4, 300,
       "Below 10 % for 5 minutes; over above 15 %", 15},
      {"door-open", "door", "Door left open", "threshold", "door_open", "EQ", 1, 3, 600,
       "Open for 10 minutes", std::nullopt},
      {"vibration-unusual", "vibration", "Vibration unusual", "anomaly", "vibration_rms", "GT", 4,
       3, 0, "More than 4 standard deviations away from the last hour", std::nullopt},
      {"power-high", "power", "Load high", "threshold", "power", "GT", 3000, 3, 600,
       "Above 3,000 W for 10 minutes; over below 2,700 W", 2700}};
  return list;
}

AlertRuleCreate rule_by(const AlertRuleTemplate& t,
                        const std::optional<std::vector<std::string>>& sites) {
  AlertRuleCreate out;
  out.name = t.name;
  out.rule_type = t.rule_type;
  out.description = t.description;
  out.severity = t.severity;
  out.site_ids = sites;
  if (t.rule_type == "anomaly") {
    out.anomaly_conditions.emplace();
    out.anomaly_conditions->metric_name = t.metric_name;
    out.anomaly_conditions->z_threshold = t.threshold;
  } else if (t.rule_type == "telemetry_gap") {
    out.gap_conditions.emplace();
    out.gap_conditions->metric_name = t.metric_name;
    out.gap_conditions->gap_minutes = static_cast<std::int32_t>(t.threshold);
  } else {
    out.metric_name = t.metric_name;
    out.op = t.op;
    out.threshold = t.threshold;
    out.duration_seconds = t.duration_seconds;
    out.clear_threshold = t.clear_threshold;
  }
  return out;
}

struct RuleTemplateQuery {
  std::optional<std::string> device_type;
};
BOOST_DESCRIBE_STRUCT(RuleTemplateQuery, (), (device_type))
struct AlertRuleTemplates {
  std::vector<AlertRuleTemplate> templates;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(AlertRuleTemplates, (), (templates, total))

struct ApplyTemplatesRequest {
  std::vector<std::string> template_ids;
  std::optional<std::vector<std::string>> site_ids;
};
BOOST_DESCRIBE_STRUCT(ApplyTemplatesRequest, (), (template_ids, site_ids))
inline auto constraints(json::As<ApplyTemplatesRequest>) {
  using T = ApplyTemplatesRequest;
  return json::rules<T>().items(&T::template_ids, 0, 100).items(&T::site_ids, 0, 1000);
}
struct AppliedTemplate {
  std::string id, name, template_id;
};
BOOST_DESCRIBE_STRUCT(AppliedTemplate, (), (id, name, template_id))
struct AppliedTemplates {
  std::vector<AppliedTemplate> created;
  std::vector<std::string> skipped;  ///< names that are there already
};
BOOST_DESCRIBE_STRUCT(AppliedTemplates, (), (created, skipped))

Task<AlertRuleTemplates> list_templates(AlertingDeps, TenantCaller,
                                        http::Query<RuleTemplateQuery> query) {
  AlertRuleTemplates out;
  for (const auto& t : all_templates())
    if (!query->device_type || t.device_type == *query->device_type) out.templates.push_back(t);
  out.total = static_cast<std::int64_t>(out.templates.size());
  co_return out;
}

Task<AppliedTemplates> apply_templates(AlertingDeps d, TenantCaller caller,
                                       http::Body<ApplyTemplatesRequest> body) {
  std::vector<const AlertRuleTemplate*> wanted;
  for (const auto& t : all_templates())
    if (std::find(body->template_ids.begin(), body->template_ids.end(), t.template_id) !=
        body->template_ids.end())
      wanted.push_back(&t);
  if (wanted.empty()) throw bad_request("No valid template_ids provided");
  std::vector<RuleColumns> rows;
  for (const auto* t : wanted) {
    auto columns = co_await checked_columns(caller.db, rule_by(*t, body->site_ids));
    rows.push_back(std::move(columns));
  }
  AppliedTemplates out;
  auto tx = co_await caller.db.begin();
  // Holds the lock on making rules: who applies the same at the same time finds it done.
  co_await require_room_for_rules(tx, caller.tenant(), 0);
  const auto there = co_await tx.query("SELECT name FROM alert_rules");
  const auto names = pg::texts(there);
  std::vector<std::size_t> fresh;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::find(names.begin(), names.end(), rows[i].name) != names.end())
      out.skipped.push_back(rows[i].name);
    else
      fresh.push_back(i);
  }
  co_await require_room_for_rules(tx, caller.tenant(), static_cast<std::int64_t>(fresh.size()));
  for (const auto i : fresh) {
    AppliedTemplate made;
    made.name = rows[i].name;
    made.template_id = wanted[i]->template_id;
    made.id = co_await insert_rule(tx, caller.tenant(), std::move(rows[i]));
    out.created.push_back(std::move(made));
  }
  co_await tx.commit();
  rules_felt(d, caller);
  for (const auto& made : out.created)
    rule_told(d, caller, "create", made.id, "Alert rule " + made.name + " made of a template");
  co_return out;
}

}  // namespace

void mount_rule_templates(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/alert-rule-templates";
  api.get(base, http::bound(d, list_templates))
      .customers()
      .tag("Alert rules")
      .summary("Rules that are often wanted, by what a device measures");
  api.post(base + "/apply", http::bound(d, apply_templates))
      .needs("alert-rules.templates")
      .tag("Alert rules")
      .summary("Make rules of templates")
      .description("Rules whose names are there already are skipped.")
      .fails(400, "No valid template_ids provided; Invalid site_id value")
      .fails(403, "Alert rule limit reached: tier ... allows ... alert rules")
      .example({{"template_ids", {"temperature-high", "battery-low"}}});
}

}  // namespace pulse::alerting
