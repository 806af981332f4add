#include "alerting/mounts.hpp"
#include "alerting/oncall_schedules.hpp"
#include "platform/json/changes.hpp"
#include "tenancy/tier.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using ScheduleId = http::Path<"schedule_id", std::int64_t>;
using LayerId = http::Path<"layer_id", std::int64_t>;
using OverrideId = http::Path<"override_id", std::int64_t>;

struct OncallScheduleList {
  std::vector<OncallSchedule> schedules;
};
BOOST_DESCRIBE_STRUCT(OncallScheduleList, (), (schedules))
struct OncallOverrideList {
  std::vector<OncallOverride> overrides;
};
BOOST_DESCRIBE_STRUCT(OncallOverrideList, (), (overrides))

Task<> require_oncall(TenantCaller caller) {
  return tenancy::require_feature(std::move(caller), "oncall_scheduling", "On-call scheduling");
}

Task<OncallSchedule> known_schedule(tenancy::TenantDb db, std::int64_t id) {
  auto schedule = co_await find_oncall_schedule(db, id);
  if (!schedule) throw not_found("Schedule not found");
  co_return std::move(*schedule);
}

void tell(const AlertingDeps& d, const TenantCaller& caller, const std::string& event,
          const std::string& action, std::int64_t schedule_id, std::string message,
          boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "oncall");
  d.audit->write(AuditLog::of(caller, event, action, "oncall_schedule", std::to_string(schedule_id),
                              std::move(message), std::move(details)));
}

Task<OncallScheduleList> list_schedules(AlertingDeps, TenantCaller caller) {
  OncallScheduleList out;
  out.schedules = co_await oncall_schedules(caller.db);
  co_return out;
}

Task<OncallSchedule> get_schedule(AlertingDeps, TenantCaller caller, ScheduleId id) {
  co_return co_await known_schedule(caller.db, id.value);
}

Task<http::Created<OncallSchedule>> create_schedule(AlertingDeps d, TenantCaller caller,
                                                    http::Body<OncallScheduleIn> body) {
  co_await require_oncall(caller);
  const auto id = co_await insert_oncall_schedule(caller.db, caller.tenant(), body.value);
  auto made = co_await known_schedule(caller.db, id);
  tell(d, caller, "oncall_schedule.created", "create", id,
       "On-call schedule " + made.name + " created");
  co_return http::Created<OncallSchedule>{std::move(made)};
}

Task<OncallSchedule> put_schedule(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                  http::Body<OncallScheduleIn> body) {
  co_await require_oncall(caller);
  const auto before = co_await known_schedule(caller.db, id.value);
  const bool known =
      co_await replace_oncall_schedule(caller.db, caller.tenant(), id.value, body.value);
  if (!known) throw not_found("Schedule not found");
  auto after = co_await known_schedule(caller.db, id.value);
  tell(d, caller, "oncall_schedule.updated", "update", id.value,
       "On-call schedule " + after.name + " updated", json::changes_of(before, after));
  co_return after;
}

Task<http::NoContent> delete_schedule(AlertingDeps d, TenantCaller caller, ScheduleId id) {
  const auto before = co_await known_schedule(caller.db, id.value);
  const bool known = co_await remove_oncall_schedule(caller.db, id.value);
  if (!known) throw not_found("Schedule not found");
  tell(d, caller, "oncall_schedule.deleted", "delete", id.value,
       "On-call schedule " + before.name + " deleted");
  tell_pages(d, caller.tenant(), "escalation-policies");
  co_return http::NoContent{};
}

Task<http::Created<OncallLayer>> create_layer(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                              http::Body<OncallLayerIn> body) {
  co_await require_oncall(caller);
  auto made = co_await insert_oncall_layer(caller.db, caller.tenant(), id.value, body.value);
  if (!made) throw not_found("Schedule not found");
  tell(d, caller, "oncall_layer.created", "create", id.value,
       "On-call layer " + made->name + " created");
  co_return http::Created<OncallLayer>{std::move(*made)};
}

Task<OncallLayer> put_layer(AlertingDeps d, TenantCaller caller, ScheduleId id, LayerId layer_id,
                            http::Body<OncallLayerIn> body) {
  co_await require_oncall(caller);
  const auto schedule = co_await find_oncall_schedule(caller.db, id.value);
  auto after =
      co_await update_oncall_layer(caller.db, id.value, layer_id.value, std::move(body.value));
  if (!after) throw not_found("Layer not found");
  boost::json::object changes;
  if (schedule)
    for (const auto& l : schedule->layers)
      if (l.layer_id == after->layer_id) changes = json::changes_of(l, *after);
  tell(d, caller, "oncall_layer.updated", "update", id.value,
       "On-call layer " + after->name + " updated", std::move(changes));
  co_return std::move(*after);
}

Task<http::NoContent> delete_layer(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                   LayerId layer_id) {
  const bool known = co_await remove_oncall_layer(caller.db, id.value, layer_id.value);
  if (!known) throw not_found("Layer not found");
  tell(d, caller, "oncall_layer.deleted", "delete", id.value,
       "On-call layer " + std::to_string(layer_id.value) + " deleted");
  co_return http::NoContent{};
}

Task<OncallOverrideList> list_overrides(AlertingDeps, TenantCaller caller, ScheduleId id) {
  co_await known_schedule(caller.db, id.value);
  OncallOverrideList out;
  out.overrides = co_await oncall_overrides(caller.db, id.value);
  co_return out;
}

Task<http::Created<OncallOverride>> create_override(AlertingDeps d, TenantCaller caller,
                                                    ScheduleId id,
                                                    http::Body<OncallOverrideIn> body) {
  co_await require_oncall(caller);
  const auto schedule = co_await known_schedule(caller.db, id.value);
  auto made =
      co_await insert_oncall_override(caller.db, caller.tenant(), id.value, std::move(body.value));
  boost::json::object details{{"responder", made.responder},
                              {"start_at", iso8601(made.start_at)},
                              {"end_at", iso8601(made.end_at)}};
  tell(d, caller, "oncall_override.created", "create", id.value,
       made.responder + " takes over in on-call schedule " + schedule.name, std::move(details));
  co_return http::Created<OncallOverride>{std::move(made)};
}

Task<http::NoContent> delete_override(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                      OverrideId override_id) {
  const auto gone = co_await remove_oncall_override(caller.db, id.value, override_id.value);
  if (!gone) throw not_found("Override not found");
  boost::json::object details{{"responder", gone->responder},
                              {"start_at", iso8601(gone->start_at)},
                              {"end_at", iso8601(gone->end_at)}};
  tell(d, caller, "oncall_override.deleted", "delete", id.value,
       gone->responder + " no longer takes over", std::move(details));
  co_return http::NoContent{};
}

constexpr const char* not_in_tier = "On-call scheduling is not included in the tier";

void mount_layers(http::Router& api, const AlertingDeps& d, const std::string& base) {
  const boost::json::value example{{"name", "First line"},
                                   {"rotation_type", "weekly"},
                                   {"handoff_day", 0},
                                   {"handoff_hour", 9},
                                   {"responders", {"ada", "grace@example.com"}}};
  api.post(base, http::bound(d, create_layer))
      .needs("oncall.layers.write")
      .tag("On-call")
      .summary("Add a layer to a schedule")
      .fails(403, not_in_tier)
      .fails(404, "Schedule not found")
      .example(example);
  api.put(base + "/{layer_id}", http::bound(d, put_layer))
      .needs("oncall.layers.write")
      .tag("On-call")
      .summary("Change a layer")
      .description("Without rotation_start its rotation goes on from where it was counted.")
      .fails(403, not_in_tier)
      .fails(404, "Layer not found")
      .example(example);
  api.del(base + "/{layer_id}", http::bound(d, delete_layer))
      .needs("oncall.layers.write")
      .tag("On-call")
      .summary("Delete a layer with its overrides")
      .fails(404, "Layer not found");
}

void mount_overrides(http::Router& api, const AlertingDeps& d, const std::string& base) {
  api.get(base, http::bound(d, list_overrides))
      .customers()
      .tag("On-call")
      .summary("Overrides of a schedule, by their start; of more than 1,000 those that end last")
      .fails(404, "Schedule not found");
  api.post(base, http::bound(d, create_override))
      .needs("oncall.overrides.write")
      .tag("On-call")
      .summary("Let somebody take over for a while")
      .description("Overrides go before all layers; of two at once the later made one counts.")
      .fails(400, "A schedule has at most 500 overrides that are not over: delete one first")
      .fails(403, not_in_tier)
      .fails(404, "Schedule not found")
      .example({{"responder", "grace@example.com"},
                {"start_at", "2026-12-24T08:00:00Z"},
                {"end_at", "2026-12-26T08:00:00Z"},
                {"reason", "Holidays"}});
  api.del(base + "/{override_id}", http::bound(d, delete_override))
      .needs("oncall.overrides.write")
      .tag("On-call")
      .summary("Delete an override")
      .fails(404, "Override not found");
}

}  // namespace

void mount_oncall(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/oncall-schedules", one = base + "/{schedule_id}";
  const boost::json::value example{{"name", "Operations"},
                                   {"timezone", "Europe/Berlin"},
                                   {"layers",
                                    {{{"name", "First line"},
                                      {"rotation_type", "weekly"},
                                      {"handoff_day", 0},
                                      {"handoff_hour", 9},
                                      {"responders", {"ada", "grace@example.com"}}}}}};
  api.get(base, http::bound(d, list_schedules))
      .customers()
      .tag("On-call")
      .summary("On-call schedules with their layers");
  api.post(base, http::bound(d, create_schedule))
      .needs("oncall.create")
      .tag("On-call")
      .summary("Create a schedule")
      .fails(403, not_in_tier)
      .example(example);
  api.get(one, http::bound(d, get_schedule))
      .customers()
      .tag("On-call")
      .summary("One schedule")
      .fails(404, "Schedule not found");
  api.put(one, http::bound(d, put_schedule))
      .needs("oncall.update")
      .tag("On-call")
      .summary("Replace a schedule and its layers")
      .description(
          "Layers that are named by layer_id stay, and with them their rotations and "
          "overrides; others go.")
      .fails(403, not_in_tier)
      .fails(404, "Schedule not found")
      .example(example);
  api.del(one, http::bound(d, delete_schedule))
      .needs("oncall.delete")
      .tag("On-call")
      .summary("Delete a schedule")
      .description("Levels of escalation policies that told its person tell nobody in its place.")
      .fails(404, "Schedule not found");
  mount_layers(api, d, one + "/layers");
  mount_overrides(api, d, one + "/overrides");
}

}  // namespace pulse::alerting
