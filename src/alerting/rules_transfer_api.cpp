// Rules as a document: out of one tenant, into another.
#include <algorithm>

#include "alerting/mounts.hpp"
#include "alerting/rules.hpp"
#include "alerting/rules_told.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;

constexpr std::size_t most_rules = 2000;
constexpr std::size_t most_bytes = 4 * 1024 * 1024;  // a document of so many
constexpr const char* format = "pulse-alert-rules/1";

struct RuleExportQuery {
  std::vector<std::string> rule_id;
};
BOOST_DESCRIBE_STRUCT(RuleExportQuery, (), (rule_id))
inline auto constraints(json::As<RuleExportQuery>) {
  return json::rules<RuleExportQuery>()
      .items(&RuleExportQuery::rule_id, 0, most_rules)
      .describe(&RuleExportQuery::rule_id, "These alone; repeat it. Without it all");
}
struct AlertRuleDocument {
  std::string format;
  std::vector<AlertRuleCreate> rules;
};
BOOST_DESCRIBE_STRUCT(AlertRuleDocument, (), (format, rules))

struct AlertRuleImport {
  std::string format;
  std::vector<boost::json::object> rules;
  bool dry_run = false;
};
BOOST_DESCRIBE_STRUCT(AlertRuleImport, (), (format, rules, dry_run))
inline std::vector<std::string_view> optional_members(json::As<AlertRuleImport>) {
  return {"dry_run"};
}
inline auto constraints(json::As<AlertRuleImport>) {
  using T = AlertRuleImport;
  return json::rules<T>()
      .one_of(&T::format, {format})
      .items(&T::rules, 1, most_rules)
      .describe(&T::rules, "Each as POST /alert-rules takes it")
      .describe(&T::dry_run, "Says what would be done, and does nothing");
}
struct ImportedRule {
  std::string name, status;
  std::optional<std::string> rule_id, error;
};
BOOST_DESCRIBE_STRUCT(ImportedRule, (), (name, status, rule_id, error))
inline auto constraints(json::As<ImportedRule>) {
  return json::rules<ImportedRule>().one_of(&ImportedRule::status,
                                            {"created", "valid", "skipped", "error"});
}
struct AlertRuleImportResult {
  bool dry_run = false;
  std::int64_t created = 0, valid = 0, skipped = 0, errors = 0;
  std::vector<ImportedRule> results;
};
BOOST_DESCRIBE_STRUCT(AlertRuleImportResult, (),
                      (dry_run, created, valid, skipped, errors, results))

Task<AlertRuleDocument> export_rules(AlertingDeps, TenantCaller caller,
                                     http::Query<RuleExportQuery> query) {
  const auto rules = co_await stored_rules(caller.db, std::nullopt, std::nullopt);
  const auto& wanted = query->rule_id;
  AlertRuleDocument out;
  out.format = format;
  std::size_t found = 0;
  for (const auto& r : rules) {
    const bool named = std::find(wanted.begin(), wanted.end(), r.rule_id) != wanted.end();
    found += named;
    if (named || wanted.empty()) out.rules.push_back(body_of(r));
  }
  const std::set<std::string> different(wanted.begin(), wanted.end());
  if (found < different.size()) throw not_found("Alert rule not found");
  if (out.rules.size() > most_rules)
    throw bad_request("A document holds at most " + std::to_string(most_rules) +
                      " rules: name some by rule_id");
  co_return out;
}

std::string words_of(const ValidationError& e) {
  std::string out;
  for (const auto& fault : e.faults) {
    if (!out.empty()) out += "; ";
    for (std::size_t i = 1; i < fault.loc.size(); ++i) out += (i > 1 ? "." : "") + fault.loc[i];
    out += (fault.loc.size() > 1 ? ": " : "") + fault.msg;
  }
  return out;
}

struct Read {
  std::optional<RuleColumns> columns;
  std::string error;
};

Task<Read> read_rule(tenancy::TenantDb db, boost::json::object rule) {
  Read out;
  try {
    auto body = json::from_value<AlertRuleCreate>(rule);
    out.columns = co_await checked_columns(db, std::move(body));
  } catch (const ValidationError& e) {
    out.error = words_of(e);
  } catch (const HttpError& e) {
    out.error = e.what();
  }
  co_return out;
}

std::string name_in(const boost::json::object& rule) {
  const auto* name = rule.if_contains("name");
  return name && name->is_string() ? std::string(name->get_string()) : "";
}

Task<AlertRuleImportResult> import_rules(AlertingDeps d, TenantCaller caller,
                                         http::Body<AlertRuleImport> body) {
  AlertRuleImportResult out;
  out.dry_run = body->dry_run;
  std::vector<Read> read;
  for (const auto& rule : body->rules) {
    auto one = co_await read_rule(caller.db, rule);
    read.push_back(std::move(one));
  }
  // Names are looked at under the lock: another import may be making the same rules.
  auto tx = co_await caller.db.begin();
  co_await lock_rules(tx, caller.tenant());
  const auto rows = co_await tx.query("SELECT name FROM alert_rules");
  const auto list = pg::texts(rows);
  std::set<std::string> taken(list.begin(), list.end());
  std::vector<RuleColumns> good;
  for (std::size_t i = 0; i < read.size(); ++i) {
    ImportedRule one;
    one.name = name_in(body->rules[i]);
    if (!read[i].columns) {
      one.status = "error";
      one.error = read[i].error;
      ++out.errors;
    } else if (!taken.insert(one.name).second) {
      one.status = "skipped";
      one.error = "A rule of this name is there already";
      ++out.skipped;
    } else {
      one.status = "valid";
      good.push_back(std::move(*read[i].columns));
    }
    out.results.push_back(std::move(one));
  }
  co_await require_room_for_rules(tx, caller.tenant(), static_cast<std::int64_t>(good.size()));
  if (body->dry_run) {
    out.valid = static_cast<std::int64_t>(good.size());
    co_return out;
  }
  std::size_t next = 0;
  for (auto& one : out.results) {
    if (one.status != "valid") continue;
    one.rule_id = co_await insert_rule(tx, caller.tenant(), std::move(good[next++]));
    one.status = "created";
    ++out.created;
  }
  co_await tx.commit();
  rules_felt(d, caller);
  for (const auto& one : out.results)
    if (one.rule_id)
      rule_told(d, caller, "create", *one.rule_id, "Alert rule " + one.name + " imported");
  co_return out;
}

}  // namespace

void mount_rule_transfer(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/alert-rules";
  api.get(base + "/export", http::bound(d, export_rules))
      .customers()
      .tag("Alert rules")
      .summary("Alert rules as a document, all or some")
      .description("At most " + std::to_string(most_rules) + " rules, as many as an import takes.")
      .fails(400, "A document holds at most " + std::to_string(most_rules) +
                      " rules: name some by rule_id")
      .fails(404, "Alert rule not found");
  api.post(base + "/import", http::bound(d, import_rules))
      .needs("alert-rules.create")
      .max_body(most_bytes)
      .tag("Alert rules")
      .summary("Make alert rules of a document")
      .description(
          "Each rule is judged by itself: what is wrong with one keeps no other out. A rule whose "
          "name is there already is skipped, so that the same document may come twice.")
      .fails(403, "Alert rule limit reached: tier ... allows ... alert rules")
      .example({{"format", format},
                {"rules",
                 {{{"name", "Too cold"},
                   {"metric_name", "temp_c"},
                   {"operator", "LT"},
                   {"threshold", 2}}}},
                {"dry_run", true}});
}

}  // namespace pulse::alerting
