// Who is on call: now, and in the days to come.
#include <algorithm>

#include "alerting/mounts.hpp"
#include "alerting/oncall_schedules.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;
using ScheduleId = http::Path<"schedule_id", std::int64_t>;

constexpr std::chrono::hours look_ahead{24 * 60};

struct CurrentOncall {
  std::string responder, layer, layer_name;  ///< empty: nobody
  Time until;
  bool is_override = false;
};
BOOST_DESCRIBE_STRUCT(CurrentOncall, (), (responder, layer, layer_name, until, is_override))

struct ScheduleOncall : CurrentOncall {
  std::int64_t schedule_id = 0;
  std::string name, timezone;
};
BOOST_DESCRIBE_STRUCT(ScheduleOncall, (CurrentOncall), (schedule_id, name, timezone))
struct EveryOncall {
  std::vector<ScheduleOncall> schedules;
};
BOOST_DESCRIBE_STRUCT(EveryOncall, (), (schedules))

struct OncallSlot {
  Time start, end;
  std::string responder, layer_name;
  bool is_override = false;
  std::optional<std::int64_t> layer_id, override_id;
};
BOOST_DESCRIBE_STRUCT(OncallSlot, (),
                      (start, end, responder, layer_name, is_override, layer_id, override_id))
struct OncallGap {
  Time start, end;
};
BOOST_DESCRIBE_STRUCT(OncallGap, (), (start, end))
struct OncallTimeline {
  Time start, end;
  std::vector<OncallSlot> slots, final_schedule;
  std::vector<OncallGap> gaps;
};
BOOST_DESCRIBE_STRUCT(OncallTimeline, (), (start, end, slots, final_schedule, gaps))

struct TimelineQuery {
  std::int64_t days = 14;
  std::optional<Time> start;
};
BOOST_DESCRIBE_STRUCT(TimelineQuery, (), (days, start))
inline auto constraints(json::As<TimelineQuery>) {
  return json::rules<TimelineQuery>()
      .range(&TimelineQuery::days, 1, 60)
      .check("start",
             [](const TimelineQuery& q) -> std::string {
               // Before and after, no zone's rules are known.
               const bool known = !q.start || (*q.start >= *parse_iso8601("1980-01-01") &&
                                               *q.start < *parse_iso8601("2037-01-01"));
               return known ? "" : "must lie in the years 1980 to 2036";
             })
      .describe(&TimelineQuery::start, "Absent: now");
}

Task<PlannedSchedule> known_plan(tenancy::TenantDb db, std::int64_t id, Time since) {
  auto found = co_await planned_schedules(db, id, since);
  if (found.empty()) throw not_found("Schedule not found");
  co_return std::move(found.front());
}

CurrentOncall current_of(const oncall::Schedule& plan, Time at) {
  CurrentOncall out;
  const auto slots = oncall::final_slots(plan, at.at, at.at + look_ahead);
  if (slots.empty() || slots.front().start > at.at) {
    out.until = slots.empty() ? Time{at.at + look_ahead} : Time{slots.front().start};
    return out;
  }
  const auto& slot = slots.front();
  out.responder = slot.responder;
  out.layer_name = slot.layer_name;
  out.layer = slot.is_override ? oncall::override_layer : slot.layer_name;
  out.until = Time{slot.end};
  out.is_override = slot.is_override;
  return out;
}

void add_slots(std::vector<OncallSlot>& out, const std::vector<oncall::Slot>& slots) {
  for (const auto& s : slots) {
    OncallSlot slot;
    slot.start = Time{s.start};
    slot.end = Time{s.end};
    slot.responder = s.responder;
    slot.layer_name = s.layer_name;
    slot.is_override = s.is_override;
    slot.layer_id = s.layer_id;
    slot.override_id = s.override_id;
    out.push_back(std::move(slot));
  }
}

Task<CurrentOncall> current_oncall(AlertingDeps, TenantCaller caller, ScheduleId id) {
  const auto at = now();
  const auto planned = co_await known_plan(caller.db, id.value, at);
  co_return current_of(planned.plan, at);
}

Task<EveryOncall> every_current(AlertingDeps, TenantCaller caller) {
  const auto at = now();
  EveryOncall out;
  const auto all = co_await planned_schedules(caller.db, std::nullopt, at);
  for (const auto& p : all) {
    ScheduleOncall one;
    static_cast<CurrentOncall&>(one) = current_of(p.plan, at);
    one.schedule_id = p.schedule.schedule_id;
    one.name = p.schedule.name;
    one.timezone = p.schedule.timezone;
    out.schedules.push_back(std::move(one));
  }
  co_return out;
}

Task<OncallTimeline> timeline(AlertingDeps, TenantCaller caller, ScheduleId id,
                              http::Query<TimelineQuery> query) {
  OncallTimeline out;
  out.start = query->start.value_or(now());
  out.end = Time{out.start.at + std::chrono::hours(24 * query->days)};
  const auto from = out.start.at, to = out.end.at;
  const auto planned = co_await known_plan(caller.db, id.value, out.start);
  for (const auto& layer : planned.plan.layers)
    add_slots(out.slots, oncall::layer_slots(planned.plan, layer, from, to));
  add_slots(out.slots, oncall::override_slots(planned.plan, from, to));
  const auto flat = oncall::final_slots(planned.plan, from, to);
  add_slots(out.final_schedule, flat);
  for (const auto& g : oncall::gaps_of(flat, from, to)) {
    OncallGap gap;
    gap.start = Time{g.start};
    gap.end = Time{g.end};
    out.gaps.push_back(gap);
  }
  co_return out;
}

}  // namespace

void mount_oncall_views(http::Router& api, const AlertingDeps& d) {
  const std::string one = "/api/v1/customer/oncall-schedules/{schedule_id}";
  api.get("/api/v1/customer/oncall/current", http::bound(d, every_current))
      .customers()
      .tag("On-call")
      .summary("Who is on call now, in each schedule")
      .description("An empty responder: nobody, until then at least.");
  api.get(one + "/current", http::bound(d, current_oncall))
      .customers()
      .tag("On-call")
      .summary("Who is on call now")
      .description(
          "An override goes before the layers, of those the highest that has responders. An empty "
          "responder: nobody, until then at least.")
      .fails(404, "Schedule not found");
  api.get(one + "/timeline", http::bound(d, timeline))
      .customers()
      .tag("On-call")
      .summary("Shifts and overrides of the next days")
      .description(
          "slots: whole shifts of each layer under its own overrides, then the overrides of the "
          "whole schedule (without layer_id). final_schedule: who really is on call; gaps: when "
          "nobody is. At most 60 days.")
      .fails(404, "Schedule not found");
}

}  // namespace pulse::alerting
