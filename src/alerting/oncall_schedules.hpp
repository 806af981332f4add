#pragma once
// On-call schedules as people write and read them, and their rows. Who is on call when is
// oncall.hpp's.
#include <optional>
#include <string>
#include <vector>

#include "alerting/oncall.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

struct OncallLayerIn {
  std::optional<std::int32_t> layer_id;
  std::string name = "Layer 1", rotation_type = "weekly";
  std::int64_t shift_duration_hours = 168, handoff_day = 1, handoff_hour = 9;
  std::vector<std::string> responders;
  std::int32_t layer_order = 0;
  std::optional<Time> rotation_start;
};
BOOST_DESCRIBE_STRUCT(OncallLayerIn, (),
                      (layer_id, name, rotation_type, shift_duration_hours, handoff_day,
                       handoff_hour, responders, layer_order, rotation_start))
inline std::vector<std::string_view> optional_members(json::As<OncallLayerIn>) {
  return {"name",         "rotation_type", "shift_duration_hours", "handoff_day",
          "handoff_hour", "responders",    "layer_order"};
}
/// Empty, or what is wrong with these names or addresses.
std::string fault_of_responders(const std::vector<std::string>& responders);
inline auto constraints(json::As<OncallLayerIn>) {
  using T = OncallLayerIn;
  return json::rules<T>()
      .length(&T::name, 1, 100)
      .one_of(&T::rotation_type, {"daily", "weekly", "custom"})
      .range(&T::shift_duration_hours, 1, 8760)
      .range(&T::handoff_day, 0, 6)
      .range(&T::handoff_hour, 0, 23)
      .items(&T::responders, 0, 100)
      .check("responders", [](const T& v) { return fault_of_responders(v.responders); })
      .describe(&T::layer_id, "When a schedule is replaced: the layer that stays, changed")
      .describe(&T::shift_duration_hours,
                "Whole days end at the handoff hour on the wall clock; others are elapsed hours. "
                "A daily rotation of the default is one of 24 hours")
      .describe(&T::handoff_day, "0 Monday to 6 Sunday")
      .describe(&T::responders, "Usernames or email addresses, in the order of their shifts")
      .describe(&T::layer_order, "The highest goes before the others")
      .describe(&T::rotation_start,
                "Shifts are counted from the handoff before it; absent: when the layer was made");
}

/// The name of a zone that the machine's database has.
bool is_timezone(const std::string& name);

struct OncallScheduleIn {
  std::string name;
  std::optional<std::string> description;
  std::string timezone = "UTC";
  std::vector<OncallLayerIn> layers;
};
BOOST_DESCRIBE_STRUCT(OncallScheduleIn, (), (name, description, timezone, layers))
inline std::vector<std::string_view> optional_members(json::As<OncallScheduleIn>) {
  return {"timezone", "layers"};
}
inline auto constraints(json::As<OncallScheduleIn>) {
  using T = OncallScheduleIn;
  return json::rules<T>()
      .length(&T::name, 1, 200)
      .length(&T::description, 0, 2000)
      .items(&T::layers, 0, 20)
      .check("timezone", [](const T& v) -> std::string {
        return is_timezone(v.timezone)
                   ? ""
                   : "must be a name of the IANA time zone database, such as Europe/Berlin";
      });
}

struct OncallOverrideIn {
  std::optional<std::int32_t> layer_id;
  std::string responder;
  Time start_at, end_at;
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(OncallOverrideIn, (), (layer_id, responder, start_at, end_at, reason))
inline auto constraints(json::As<OncallOverrideIn>) {
  using T = OncallOverrideIn;
  return json::rules<T>()
      .length(&T::responder, 1, 254)
      .length(&T::reason, 0, 500)
      .check("end_at",
             [](const T& v) { return v.end_at > v.start_at ? "" : "must be after start_at"; })
      .describe(&T::layer_id, "The layer whose row shows it; it goes before all layers anyway");
}

struct OncallLayer {
  std::int64_t layer_id = 0, schedule_id = 0;
  std::string name, rotation_type;
  std::int64_t shift_duration_hours = 168, handoff_day = 1, handoff_hour = 9;
  std::vector<std::string> responders;
  std::int64_t layer_order = 0;
  Time rotation_start, created_at;
};
BOOST_DESCRIBE_STRUCT(OncallLayer, (),
                      (layer_id, schedule_id, name, rotation_type, shift_duration_hours,
                       handoff_day, handoff_hour, responders, layer_order, rotation_start,
                       created_at))

struct OncallSchedule {
  std::int64_t schedule_id = 0;
  std::string tenant_id, name;
  std::optional<std::string> description;
  std::string timezone;
  std::vector<OncallLayer> layers;  ///< the highest first
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(OncallSchedule, (),
                      (schedule_id, tenant_id, name, description, timezone, layers, created_at,
                       updated_at))

struct OncallOverride {
  std::int64_t override_id = 0;
  std::optional<std::int64_t> layer_id;
  std::string responder;
  Time start_at, end_at;
  std::optional<std::string> reason;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(OncallOverride, (),
                      (override_id, layer_id, responder, start_at, end_at, reason, created_at))

Task<std::vector<OncallSchedule>> oncall_schedules(tenancy::TenantDb db);
Task<std::optional<OncallSchedule>> find_oncall_schedule(tenancy::TenantDb db, std::int64_t id);
/// Returns the id.
Task<std::int64_t> insert_oncall_schedule(tenancy::TenantDb db, std::string tenant_id,
                                          OncallScheduleIn schedule);
/// Layers that are named by their ids stay, and with them their rotations and overrides; others go,
/// and new ones come. False when there is no such schedule; throws ValidationError for a layer that
/// is not the schedule's.
Task<bool> replace_oncall_schedule(tenancy::TenantDb db, std::string tenant_id, std::int64_t id,
                                   OncallScheduleIn schedule);
Task<bool> remove_oncall_schedule(tenancy::TenantDb db, std::int64_t id);

/// Nothing when there is no such schedule.
Task<std::optional<OncallLayer>> insert_oncall_layer(tenancy::TenantDb db, std::string tenant_id,
                                                     std::int64_t schedule_id, OncallLayerIn layer);
/// Nothing when the schedule has no such layer. Without `rotation_start` it stays.
Task<std::optional<OncallLayer>> update_oncall_layer(tenancy::TenantDb db, std::int64_t schedule_id,
                                                     std::int64_t layer_id, OncallLayerIn layer);
Task<bool> remove_oncall_layer(tenancy::TenantDb db, std::int64_t schedule_id,
                               std::int64_t layer_id);

/// By their start; of more than 1,000 those that end last.
Task<std::vector<OncallOverride>> oncall_overrides(tenancy::TenantDb db, std::int64_t schedule_id);
/// Throws ValidationError for a layer that is not the schedule's, HttpError 400 where 500 are not
/// over yet.
Task<OncallOverride> insert_oncall_override(tenancy::TenantDb db, std::string tenant_id,
                                            std::int64_t schedule_id, OncallOverrideIn override_in);
/// What was removed.
Task<std::optional<OncallOverride>> remove_oncall_override(tenancy::TenantDb db,
                                                           std::int64_t schedule_id,
                                                           std::int64_t override_id);

/// Every schedule of the tenant (or the one) as the engine takes it, with what is overridden after
/// `since`.
struct PlannedSchedule {
  OncallSchedule schedule;
  oncall::Schedule plan;
};
Task<std::vector<PlannedSchedule>> planned_schedules(tenancy::TenantDb db,
                                                     std::optional<std::int64_t> id, Time since);

}  // namespace pulse::alerting
