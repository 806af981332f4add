#include <algorithm>
#include <map>

#include "alerting/oncall_schedules.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

constexpr int most_overrides_listed = 1'000, most_overrides_standing = 500;

constexpr const char* select_schedules = R"sql(
  SELECT schedule_id, tenant_id, name, description, timezone, created_at, updated_at
  FROM oncall_schedules WHERE $1::bigint IS NULL OR schedule_id = $1::bigint
  ORDER BY name, schedule_id
)sql";

const std::string layer_columns =
    "layer_id, schedule_id, name, rotation_type, shift_duration_hours, handoff_day, handoff_hour, "
    "ARRAY(SELECT jsonb_array_elements_text(responders)) AS responders, layer_order, "
    "rotation_start, created_at";
const std::string select_layers =
    "SELECT " + layer_columns +
    " FROM oncall_layers WHERE $1::bigint IS NULL OR schedule_id = $1::bigint "
    "ORDER BY layer_order DESC, layer_id";

const std::string override_columns =
    "override_id, layer_id, responder, start_at, end_at, reason, created_at";

// What a layer's body says, as a row.
constexpr const char* layer_rows = R"sql(
  jsonb_to_recordset($2::jsonb) AS l (layer_id integer, name text, rotation_type text,
    shift_duration_hours integer, handoff_day integer, handoff_hour integer, responders jsonb,
    layer_order integer, rotation_start timestamptz)
)sql";

const std::string update_layers = std::string(R"sql(
  UPDATE oncall_layers o SET name = l.name, rotation_type = l.rotation_type,
    shift_duration_hours = l.shift_duration_hours, handoff_day = l.handoff_day,
    handoff_hour = l.handoff_hour, responders = l.responders, layer_order = l.layer_order,
    rotation_start = coalesce(l.rotation_start, o.rotation_start)
  FROM )sql") + layer_rows + " WHERE o.schedule_id = $1::bigint AND o.layer_id = l.layer_id ";

const std::string insert_layers = std::string(R"sql(
  INSERT INTO oncall_layers (tenant_id, schedule_id, name, rotation_type, shift_duration_hours,
    handoff_day, handoff_hour, responders, layer_order, rotation_start)
  SELECT s.tenant_id, s.schedule_id, l.name, l.rotation_type, l.shift_duration_hours,
    l.handoff_day, l.handoff_hour, l.responders, l.layer_order, coalesce(l.rotation_start, now())
  FROM oncall_schedules s CROSS JOIN )sql") +
                                  layer_rows + " WHERE s.schedule_id = $1::bigint ";

/// A daily rotation of a week is what a client means that leaves the hours at their default.
OncallLayerIn effective(OncallLayerIn layer) {
  if (layer.rotation_type == "daily" && layer.shift_duration_hours == 168)
    layer.shift_duration_hours = 24;
  return layer;
}

std::string rows_of(const std::vector<OncallLayerIn>& layers) {
  std::vector<OncallLayerIn> out;
  for (const auto& layer : layers) out.push_back(effective(layer));
  return json::to_text(out);
}

void require_known(const std::vector<OncallLayerIn>& layers, const pg::Result& known) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < known.rows(); ++i) ids.push_back(known.int64(i, 0));
  Faults faults;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].layer_id) continue;
    // Each stays once.
    if (const auto at = std::find(ids.begin(), ids.end(), *layers[i].layer_id); at != ids.end())
      ids.erase(at);
    else
      faults.push_back({{"body", "layers", std::to_string(i), "layer_id"},
                        "is no layer of this schedule",
                        "value_error"});
  }
  if (!faults.empty()) throw ValidationError(std::move(faults));
}

std::vector<OncallSchedule> put_together(const pg::Result& schedules, const pg::Result& layers) {
  auto out = pg::rows_as<OncallSchedule>(schedules);
  std::map<std::int64_t, OncallSchedule*> by_id;
  for (auto& s : out) by_id[s.schedule_id] = &s;
  for (auto& l : pg::rows_as<OncallLayer>(layers))
    if (const auto at = by_id.find(l.schedule_id); at != by_id.end())
      at->second->layers.push_back(std::move(l));
  return out;
}

Task<std::vector<OncallSchedule>> schedules_where(tenancy::TenantDb db,
                                                  std::optional<std::int64_t> id) {
  std::vector<pg::Statement> work;
  work.emplace_back(select_schedules, pg::Params::of(id));
  work.emplace_back(select_layers, pg::Params::of(id));
  const auto rows = co_await db.batch(std::move(work));
  co_return put_together(rows[0], rows[1]);
}

oncall::Schedule plan_of(const OncallSchedule& schedule) {
  oncall::Schedule out;
  out.zone = oncall::find_zone(schedule.timezone);
  // A zone that a newer database no longer has.
  if (!out.zone) out.zone = oncall::find_zone("UTC");
  for (const auto& l : schedule.layers) {
    oncall::Layer layer;
    layer.id = l.layer_id;
    layer.name = l.name;
    layer.order = static_cast<int>(l.layer_order);
    layer.shift_hours = static_cast<int>(l.shift_duration_hours);
    layer.handoff_day = static_cast<int>(l.handoff_day);
    layer.handoff_hour = static_cast<int>(l.handoff_hour);
    layer.responders = l.responders;
    layer.rotation_start = l.rotation_start.at;
    out.layers.push_back(std::move(layer));
  }
  return out;
}

}  // namespace

std::string fault_of_responders(const std::vector<std::string>& responders) {
  for (const auto& r : responders)
    if (r.empty() || json::utf8_length(r) > 254) return "must each have 1 to 254 characters";
  return {};
}

bool is_timezone(const std::string& name) {
  // Names of the database that mean this machine's own zone say nothing elsewhere.
  return name != "localtime" && name != "posixrules" && oncall::find_zone(name) != nullptr;
}

Task<std::vector<OncallSchedule>> oncall_schedules(tenancy::TenantDb db) {
  return schedules_where(std::move(db), std::nullopt);
}

Task<std::optional<OncallSchedule>> find_oncall_schedule(tenancy::TenantDb db, std::int64_t id) {
  auto found = co_await schedules_where(db, id);
  if (found.empty()) co_return std::nullopt;
  co_return std::move(found.front());
}

Task<std::int64_t> insert_oncall_schedule(tenancy::TenantDb db, std::string tenant_id,
                                          OncallScheduleIn schedule) {
  auto tx = co_await db.begin();
  const auto made = co_await tx.query(
      "INSERT INTO oncall_schedules (tenant_id, name, description, timezone) "
      "VALUES ($1, $2, $3, $4) RETURNING schedule_id",
      pg::Params::of(tenant_id, schedule.name, schedule.description, schedule.timezone));
  const auto id = made.int64(0, 0);
  co_await tx.query(insert_layers, pg::Params::of(id, rows_of(schedule.layers)));
  co_await tx.commit();
  co_return id;
}

Task<bool> replace_oncall_schedule(tenancy::TenantDb db, std::string /*tenant_id*/, std::int64_t id,
                                   OncallScheduleIn schedule) {
  auto tx = co_await db.begin();
  const auto found = co_await tx.query(
      "UPDATE oncall_schedules SET name = $2, description = $3, timezone = $4, updated_at = now() "
      "WHERE schedule_id = $1::bigint RETURNING schedule_id",
      pg::Params::of(id, schedule.name, schedule.description, schedule.timezone));
  if (found.empty()) co_return false;
  const auto known = co_await tx.query(
      "SELECT layer_id FROM oncall_layers WHERE schedule_id = $1::bigint", pg::Params::of(id));
  require_known(schedule.layers, known);
  std::vector<std::int64_t> kept;
  std::vector<OncallLayerIn> added;
  for (const auto& layer : schedule.layers) {
    if (layer.layer_id)
      kept.push_back(*layer.layer_id);
    else
      added.push_back(layer);
  }
  const auto all = rows_of(schedule.layers), fresh = rows_of(added);
  co_await tx.query(
      "DELETE FROM oncall_layers WHERE schedule_id = $1::bigint AND layer_id <> ALL ($2::bigint[])",
      pg::Params::of(id, kept));
  co_await tx.query(update_layers, pg::Params::of(id, all));
  co_await tx.query(insert_layers, pg::Params::of(id, fresh));
  co_await tx.commit();
  co_return true;
}

Task<bool> remove_oncall_schedule(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "DELETE FROM oncall_schedules WHERE schedule_id = $1::bigint RETURNING schedule_id",
      pg::Params::of(id));
  co_return !rows.empty();
}

Task<std::optional<OncallLayer>> insert_oncall_layer(tenancy::TenantDb db,
                                                     std::string /*tenant_id*/,
                                                     std::int64_t schedule_id,
                                                     OncallLayerIn layer) {
  std::vector<OncallLayerIn> one;
  one.push_back(std::move(layer));
  const auto rows = co_await db.query(insert_layers + " RETURNING " + layer_columns,
                                      pg::Params::of(schedule_id, rows_of(one)));
  co_return pg::first_as<OncallLayer>(rows);
}

Task<std::optional<OncallLayer>> update_oncall_layer(tenancy::TenantDb db, std::int64_t schedule_id,
                                                     std::int64_t layer_id, OncallLayerIn layer) {
  const auto known = co_await db.query(
      "SELECT FROM oncall_layers WHERE schedule_id = $1::bigint AND layer_id = $2::bigint",
      pg::Params::of(schedule_id, layer_id));
  if (known.empty()) co_return std::nullopt;
  layer.layer_id = static_cast<std::int32_t>(layer_id);
  std::vector<OncallLayerIn> one;
  one.push_back(std::move(layer));
  std::vector<pg::Statement> work;
  work.emplace_back(update_layers, pg::Params::of(schedule_id, rows_of(one)));
  work.emplace_back("SELECT " + layer_columns +
                        " FROM oncall_layers "
                        "WHERE schedule_id = $1::bigint AND layer_id = $2::bigint",
                    pg::Params::of(schedule_id, layer_id));
  const auto rows = co_await db.batch(std::move(work));
  co_return pg::first_as<OncallLayer>(rows[1]);
}

Task<bool> remove_oncall_layer(tenancy::TenantDb db, std::int64_t schedule_id,
                               std::int64_t layer_id) {
  const auto rows = co_await db.query(
      "DELETE FROM oncall_layers WHERE schedule_id = $1::bigint AND layer_id = $2::bigint "
      "RETURNING layer_id",
      pg::Params::of(schedule_id, layer_id));
  co_return !rows.empty();
}

Task<std::vector<OncallOverride>> oncall_overrides(tenancy::TenantDb db, std::int64_t schedule_id) {
  const auto rows = co_await db.query("SELECT * FROM (SELECT " + override_columns +
                                          " FROM oncall_overrides WHERE schedule_id = $1::bigint "
                                          "ORDER BY end_at DESC LIMIT $2) o "
                                          "ORDER BY start_at, override_id",
                                      pg::Params::of(schedule_id, most_overrides_listed));
  co_return pg::rows_as<OncallOverride>(rows);
}

Task<OncallOverride> insert_oncall_override(tenancy::TenantDb db, std::string tenant_id,
                                            std::int64_t schedule_id,
                                            OncallOverrideIn override_in) {
  const auto standing = co_await db.query(
      "SELECT count(*) FROM oncall_overrides WHERE schedule_id = $1::bigint AND end_at > now()",
      pg::Params::of(schedule_id));
  if (standing.int64(0, 0) >= most_overrides_standing)
    throw bad_request("A schedule has at most " + std::to_string(most_overrides_standing) +
                      " overrides that are not over: delete one first");
  const auto rows = co_await db.query(
      "INSERT INTO oncall_overrides (tenant_id, schedule_id, layer_id, responder, start_at, "
      "end_at, reason) SELECT $1, $2::bigint, $3::integer, $4, $5, $6, $7 "
      "WHERE $3::integer IS NULL OR EXISTS (SELECT FROM oncall_layers "
      "WHERE schedule_id = $2::bigint AND layer_id = $3::integer) RETURNING " +
          override_columns,
      pg::Params::of(tenant_id, schedule_id, override_in.layer_id, override_in.responder,
                     override_in.start_at.at, override_in.end_at.at, override_in.reason));
  if (rows.empty())
    throw ValidationError({"body", "layer_id"}, "is no layer of this schedule", "value_error");
  co_return pg::row_as<OncallOverride>(rows, 0);
}

Task<std::optional<OncallOverride>> remove_oncall_override(tenancy::TenantDb db,
                                                           std::int64_t schedule_id,
                                                           std::int64_t override_id) {
  const auto rows = co_await db.query(
      "DELETE FROM oncall_overrides WHERE schedule_id = $1::bigint AND override_id = $2::bigint "
      "RETURNING " +
          override_columns,
      pg::Params::of(schedule_id, override_id));
  co_return pg::first_as<OncallOverride>(rows);
}

Task<std::vector<PlannedSchedule>> planned_schedules(tenancy::TenantDb db,
                                                     std::optional<std::int64_t> id, Time since) {
  std::vector<pg::Statement> work;
  work.emplace_back(select_schedules, pg::Params::of(id));
  work.emplace_back(select_layers, pg::Params::of(id));
  work.emplace_back(
      "SELECT schedule_id, override_id, layer_id, responder, start_at, end_at "
      "FROM oncall_overrides WHERE ($1::bigint IS NULL OR schedule_id = $1::bigint) "
      "AND end_at > $2",
      pg::Params::of(id, since.at));
  const auto rows = co_await db.batch(std::move(work));
  std::vector<PlannedSchedule> out;
  for (auto& s : put_together(rows[0], rows[1])) {
    PlannedSchedule planned;
    planned.plan = plan_of(s);
    planned.schedule = std::move(s);
    out.push_back(std::move(planned));
  }
  const auto overrides = pg::rows_as<OncallOverride>(rows[2]);
  for (int i = 0; i < rows[2].rows(); ++i) {
    const auto& o = overrides[static_cast<std::size_t>(i)];
    oncall::Override one;
    one.id = o.override_id;
    one.layer_id = o.layer_id;
    one.responder = o.responder;
    one.start = o.start_at.at;
    one.end = o.end_at.at;
    for (auto& p : out)
      if (p.schedule.schedule_id == rows[2].int64(i, 0)) p.plan.overrides.push_back(one);
  }
  co_return out;
}

}  // namespace pulse::alerting
