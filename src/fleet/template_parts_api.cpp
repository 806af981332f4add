// Metrics, commands and slots of a template: three kinds of parts, one set of handlers.
#include "fleet/mounts.hpp"
#include "fleet/template_rules.hpp"
#include "fleet/templates.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using TemplateId = http::Path<"template_id", std::int32_t>;

struct Metrics {
  using Row = TemplateMetric;
  using Create = CreateTemplateMetric;
  using Change = ChangeTemplateMetric;
  static constexpr http::Name id_name{"metric_id"};
  static constexpr const char *path = "metrics", *table = "template_metrics", *word = "Metric";
  static const std::string& key_of(const Create& c) { return c.metric_key; }
};
struct Commands {
  using Row = TemplateCommand;
  using Create = CreateTemplateCommand;
  using Change = ChangeTemplateCommand;
  static constexpr http::Name id_name{"command_id"};
  static constexpr const char *path = "commands", *table = "template_commands", *word = "Command";
  static const std::string& key_of(const Create& c) { return c.command_key; }
};
struct Slots {
  using Row = TemplateSlot;
  using Create = CreateTemplateSlot;
  using Change = ChangeTemplateSlot;
  static constexpr http::Name id_name{"slot_id"};
  static constexpr const char *path = "slots", *table = "template_slots", *word = "Slot";
  static const std::string& key_of(const Create& c) { return c.slot_key; }
};

std::string none_such(const char* word) { return std::string(word) + " not found"; }

template <class Kind>
void tell(const FleetDeps& d, const TenantCaller& caller, std::string action,
          std::int64_t template_id, std::int64_t id, boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "templates");
  announce_template(*d.nats, template_id);
  std::string word = Kind::word;
  word[0] = static_cast<char>(word[0] + ('a' - 'A'));
  details[word + "_id"] = id;
  const std::string past = action == "create"   ? "added"
                           : action == "delete" ? "deleted"
                                                : "changed";
  d.audit->write(AuditLog::of(caller, "template." + word + "_" + past, std::move(action),
                              "template", std::to_string(template_id),
                              std::string(Kind::word) + " of a template " + past,
                              std::move(details)));
}

/// Slots name expansion modules that the tenant can see.
template <class Body>
Task<> require_modules(pg::Transaction& tx, const Body& body) {
  if constexpr (requires { body.compatible_templates; }) {
    std::vector<std::int64_t> wanted;
    if constexpr (requires { body.compatible_templates.present; })
      wanted = body.compatible_templates.value.value_or(wanted);
    else
      wanted = body.compatible_templates.value_or(wanted);
    const auto rows = co_await tx.query(
        "SELECT w FROM unnest($1::bigint[]) w WHERE NOT EXISTS (SELECT FROM device_templates t "
        "WHERE t.id = w AND t.category = 'expansion_module') LIMIT 1",
        pg::Params::of(wanted));
    if (!rows.empty())
      throw ValidationError({"body", "compatible_templates"},
                            "there is no expansion module template " + std::string(rows.text(0, 0)),
                            "value_error");
  }
  co_return;
}

std::string too_many_parts(const char* path) {
  return "A template has at most " + std::to_string(limits::template_parts) + " " + path;
}

/// Throws 409 when the template, which is locked, is full.
template <class Kind>
Task<> require_room(pg::Transaction& tx, std::int64_t template_id) {
  const auto rows = co_await tx.query(
      "SELECT count(*) FROM " + std::string(Kind::table) + " WHERE template_id = $1",
      pg::Params::of(template_id));
  if (rows.int64(0, 0) >= static_cast<std::int64_t>(limits::template_parts))
    throw conflict(too_many_parts(Kind::path));
}

template <class Kind>
Task<http::Created<typename Kind::Row>> add_part(FleetDeps d, TenantCaller caller, TemplateId id,
                                                 http::Body<typename Kind::Create> body) {
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  co_await require_room<Kind>(tx, id.value);
  co_await require_modules(tx, body.value);
  std::vector<std::pair<std::string, std::string>> also{{"template_id", std::to_string(id.value)}};
  auto statement =
      pg::insert_of(Kind::table, body.value, also, "ON CONFLICT DO NOTHING RETURNING *");
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw conflict(std::string(Kind::word) + " key already exists on template");
  auto made = pg::row_as<typename Kind::Row>(rows, 0);
  if constexpr (std::is_same_v<Kind, Metrics>) co_await follow_metrics(tx, id.value);
  co_await keep_version(tx, id.value, caller.who.user_id);
  co_await tx.commit();
  boost::json::object details{{"key", Kind::key_of(body.value)}};
  tell<Kind>(d, caller, "create", id.value, made.id, std::move(details));
  co_return http::Created<typename Kind::Row>{std::move(made)};
}

/// A changed metric is checked against its other bound, too.
void check_bounds(const TemplateMetric& m) {
  if (auto fault = fault_of_bounds(m.min_value, m.max_value); !fault.empty())
    throw ValidationError({"body", "min_value"}, std::move(fault), "value_error");
}

/// Sensors that still are as the metric was become as it is; those that were edited stay.
Task<> carry_over(pg::Transaction& tx, TemplateMetric was) {
  co_await tx.query(R"sql(
    UPDATE device_sensors k SET
      display_name = CASE WHEN k.display_name = $2 THEN m.display_name ELSE k.display_name END,
      unit = CASE WHEN k.unit IS NOT DISTINCT FROM $3 THEN m.unit ELSE k.unit END,
      min_range = CASE WHEN k.min_range IS NOT DISTINCT FROM $4::float8 THEN m.min_value
                       ELSE k.min_range END,
      max_range = CASE WHEN k.max_range IS NOT DISTINCT FROM $5::float8 THEN m.max_value
                       ELSE k.max_range END,
      precision_digits = CASE WHEN k.precision_digits = $6::integer THEN m.precision_digits
                              ELSE k.precision_digits END,
      sensor_type = m.data_type, updated_at = now()
    FROM template_metrics m WHERE m.id = $1 AND k.template_metric_id = m.id
  )sql",
                    pg::Params::of(was.id, was.display_name, was.unit, was.min_value, was.max_value,
                                   was.precision_digits));
}

template <class Kind>
Task<typename Kind::Row> change_part(FleetDeps d, TenantCaller caller, TemplateId id,
                                     http::Path<Kind::id_name, std::int32_t> part,
                                     http::Body<typename Kind::Change> body) {
  auto change = pg::change_of(body.value);
  if (change.empty()) throw bad_request("No fields to update");
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  co_await require_modules(tx, body.value);
  const std::string select =
      "SELECT * FROM " + std::string(Kind::table) + " WHERE id = $1 AND template_id = $2";
  const auto before = co_await tx.query(select, pg::Params::of(part.value, id.value));
  if (before.empty()) throw not_found(none_such(Kind::word));
  auto statement = change.in(Kind::table, "id = ?", part.value);
  const auto changed = co_await tx.query(statement.first, statement.second);
  const auto after = co_await tx.query(select, pg::Params::of(part.value, id.value));
  auto out = pg::row_as<typename Kind::Row>(after, 0);
  if constexpr (std::is_same_v<Kind, Metrics>) {
    check_bounds(out);
    co_await carry_over(tx, pg::row_as<TemplateMetric>(before, 0));
    co_await follow_metrics(tx, id.value);
  }
  co_await keep_version(tx, id.value, caller.who.user_id);
  co_await tx.commit();
  tell<Kind>(d, caller, "update", id.value, out.id, pg::RowChange::told(changed));
  co_return out;
}

template <class Kind>
Task<http::NoContent> remove_part(FleetDeps d, TenantCaller caller, TemplateId id,
                                  http::Path<Kind::id_name, std::int32_t> part) {
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  if constexpr (std::is_same_v<Kind, Metrics>)
    co_await tx.query(
        "UPDATE device_sensors SET source = 'optional', updated_at = now() "
        "WHERE source = 'required' AND template_metric_id = "
        "(SELECT id FROM template_metrics WHERE id = $1 AND template_id = $2)",
        pg::Params::of(part.value, id.value));
  const auto gone = co_await tx.query(
      "DELETE FROM " + std::string(Kind::table) + " WHERE id = $1 AND template_id = $2 RETURNING 1",
      pg::Params::of(part.value, id.value));
  if (gone.empty()) throw not_found(none_such(Kind::word));
  co_await keep_version(tx, id.value, caller.who.user_id);
  co_await tx.commit();
  tell<Kind>(d, caller, "delete", id.value, part.value);
  co_return http::NoContent{};
}

template <class Kind>
void mount_parts(http::Router& api, const FleetDeps& d) {
  const std::string base = std::string("/api/v1/customer/templates/{template_id}/") + Kind::path;
  const std::string one = base + "/{" + std::string(Kind::id_name.view()) + "}";
  const std::string word = Kind::word;
  std::string small = word;
  small[0] = static_cast<char>(small[0] + ('a' - 'A'));
  api.post(base, http::bound(d, add_part<Kind>))
      .needs("devices.write")
      .tag("Templates")
      .summary("Add a " + small + " to a template")
      .fails(404, "Template not found")
      .fails(409, word + " key already exists on template")
      .fails(409, too_many_parts(Kind::path));
  api.put(one, http::bound(d, change_part<Kind>))
      .needs("devices.write")
      .tag("Templates")
      .summary("Change a " + small + " of a template")
      .fails(400, "No fields to update")
      .fails(404, word + " not found");
  api.del(one, http::bound(d, remove_part<Kind>))
      .needs("devices.write")
      .tag("Templates")
      .summary("Delete a " + small + " of a template")
      .fails(404, word + " not found");
}

}  // namespace

void mount_template_parts(http::Router& api, const FleetDeps& d) {
  mount_parts<Metrics>(api, d);
  mount_parts<Commands>(api, d);
  mount_parts<Slots>(api, d);
}

}  // namespace pulse::fleet
