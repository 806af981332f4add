#include "alerting/oncall.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace {

using namespace pulse::alerting::oncall;
using std::chrono::hours;
using std::chrono::minutes;

Instant utc(const char* text) { return pulse::parse_iso8601(text)->at; }

Layer layer_of(int shift_hours, int day, int hour, const char* start, int people = 3) {
  Layer l;
  l.id = 1;
  l.name = "First line";
  l.shift_hours = shift_hours;
  l.handoff_day = day;
  l.handoff_hour = hour;
  l.rotation_start = utc(start);
  for (int i = 0; i < people; ++i)
    l.responders.push_back(std::string(1, static_cast<char>('a' + i)));
  return l;
}

Schedule schedule_of(const char* zone, std::vector<Layer> layers) {
  Schedule s;
  s.zone = find_zone(zone);
  s.layers = std::move(layers);
  return s;
}

Override override_of(std::int64_t id, const char* who, const char* start, const char* end) {
  Override o;
  o.id = id;
  o.responder = who;
  o.start = utc(start);
  o.end = utc(end);
  return o;
}

std::string who_at(const Schedule& s, const char* t) {
  const auto slot = on_call_at(s, utc(t));
  return slot ? slot->responder : "";
}

// Between 2000 and 2035.
rc::Gen<Instant> instants() {
  return rc::gen::map(rc::gen::inRange<std::int64_t>(946684800, 2082758400),
                      [](std::int64_t s) { return Instant(std::chrono::seconds(s)); });
}

rc::Gen<Layer> layers() {
  return rc::gen::build<Layer>(
      rc::gen::set(&Layer::shift_hours,
                   rc::gen::oneOf(rc::gen::element(24, 48, 168, 336), rc::gen::inRange(1, 400))),
      rc::gen::set(&Layer::handoff_day, rc::gen::inRange(0, 7)),
      rc::gen::set(&Layer::handoff_hour, rc::gen::inRange(0, 24)),
      rc::gen::set(&Layer::rotation_start, instants()),
      rc::gen::set(&Layer::responders, rc::gen::map(rc::gen::inRange(1, 7), [](int n) {
        std::vector<std::string> out;
        for (int i = 0; i < n; ++i) out.push_back(std::to_string(i));
        return out;
      })));
}

/// The instant at which a wall clock says so: found by looking at every transition's two sides,
/// without what the engine calls.
Instant wall_clock(const date::time_zone& zone, date::local_seconds local) {
  const auto info = zone.get_info(local);
  if (info.result == date::local_info::nonexistent) return info.first.end;
  return date::sys_seconds(local.time_since_epoch()) - info.first.offset;
}

void check_boundary(const Layer& layer, const date::time_zone& zone, Instant start) {
  const auto local = zone.to_local(start);
  const auto day = date::floor<date::days>(local);
  // Where the hour is left out, the boundary may be on the day after (a zone that left out a day).
  const auto wanted = wall_clock(zone, day + hours(layer.handoff_hour));
  const auto before = wall_clock(zone, day - date::days(1) + hours(layer.handoff_hour));
  RC_ASSERT(start == wanted || start == before);
}

TEST(OnCall, EveryZoneEveryInstantHasOneShiftOfEachLayer) {
  for (const auto& zone : date::get_tzdb().zones) {
    const bool held = rc::check(zone.name(), [&] {
      const auto layer = *layers();
      const auto t = *instants();
      const Rotation rotation(layer, &zone);
      const auto shift = rotation.shift_at(t);
      RC_ASSERT(shift.start <= t);
      RC_ASSERT(t < shift.end);
      RC_ASSERT(rotation.shift(shift.index - 1).end == shift.start);
      RC_ASSERT(rotation.shift(shift.index + 1).start == shift.end);
      RC_ASSERT(rotation.shift_at(shift.start).index == shift.index);
      if (layer.shift_hours % 24 == 0) {
        check_boundary(layer, zone, shift.start);
        check_boundary(layer, zone, shift.end);
      } else {
        RC_ASSERT(shift.end - shift.start == hours(layer.shift_hours));
      }
      // The anchor is a handoff on its weekday, at most a week (and what a clock moved) before.
      const auto anchor = rotation.shift(0).start;
      check_boundary(layer, zone, anchor);
      RC_ASSERT(anchor <= layer.rotation_start);
      RC_ASSERT(layer.rotation_start - anchor < hours(24 * 8 + 1));
    });
    ASSERT_TRUE(held) << zone.name();
  }
}

RC_GTEST_PROP(OnCall, EveryoneHasTheSameNumberOfShifts, ()) {
  const auto layer = *layers();
  const auto& zones = date::get_tzdb().zones;
  const auto& zone = zones[*rc::gen::inRange<std::size_t>(0, zones.size())];
  const auto rotations = *rc::gen::inRange<std::int64_t>(1, 20);
  const Rotation rotation(layer, &zone);
  const auto first = rotation.shift_at(*instants()).index;
  std::map<std::string, std::int64_t> shifts;
  const auto n = static_cast<std::int64_t>(layer.responders.size());
  for (std::int64_t i = 0; i < rotations * n; ++i) ++shifts[rotation.responder(first + i)];
  RC_ASSERT(static_cast<std::int64_t>(shifts.size()) == n);
  for (const auto& [who, count] : shifts) RC_ASSERT(count == rotations);
}

RC_GTEST_PROP(OnCall, FinalScheduleCoversEachMomentOnce, ()) {
  auto schedule = schedule_of("Europe/Berlin", {*layers(), *layers()});
  schedule.layers[0].order = 1;
  schedule.layers[0].id = 1;
  schedule.layers[1].id = 2;
  if (*rc::gen::arbitrary<bool>()) schedule.layers[0].responders.clear();
  const auto from = *instants();
  const auto to = from + hours(24 * 20);
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    Override o;
    o.id = i + 1;
    o.responder = "o" + std::to_string(i);
    o.start = from + hours(*rc::gen::inRange(-48, 500));
    o.end = o.start + hours(*rc::gen::inRange(1, 100));
    schedule.overrides.push_back(o);
  }
  const auto slots = final_slots(schedule, from, to);
  auto at = from;
  for (const auto& s : slots) {
    RC_ASSERT(s.start == at);
    RC_ASSERT(s.end > s.start);
    at = s.end;
  }
  RC_ASSERT(at == to);
  RC_ASSERT(gaps_of(slots, from, to).empty());
  const auto t = from + minutes(*rc::gen::inRange(0, 20 * 24 * 60));
  std::string expected;
  for (const auto& o : schedule.overrides)
    if (o.start <= t && t < o.end) expected = o.responder;
  const auto& top = schedule.layers[schedule.layers[0].responders.empty() ? 1 : 0];
  const Rotation rotation(top, schedule.zone);
  if (expected.empty()) expected = rotation.responder(rotation.shift_at(t).index);
  RC_ASSERT(on_call_at(schedule, t)->responder == expected);
}

TEST(OnCall, AWeekEndsAtTheHandoffHourAlsoWhenClocksMove) {
  // Berlin: summer time begins on 2026-03-29 and ends on 2026-10-25, both Sundays.
  const auto layer = layer_of(168, 0, 9, "2026-01-07T12:00:00Z");
  const Rotation rotation(layer, find_zone("Europe/Berlin"));
  EXPECT_EQ(rotation.shift(0).start, utc("2026-01-05T08:00:00Z"));
  const auto spring = rotation.shift_at(utc("2026-03-28T00:00:00Z"));
  EXPECT_EQ(spring.start, utc("2026-03-23T08:00:00Z"));
  EXPECT_EQ(spring.end, utc("2026-03-30T07:00:00Z"));
  const auto autumn = rotation.shift_at(utc("2026-10-25T12:00:00Z"));
  EXPECT_EQ(autumn.start, utc("2026-10-19T07:00:00Z"));
  EXPECT_EQ(autumn.end, utc("2026-10-26T08:00:00Z"));
  EXPECT_EQ(rotation.responder(0), "a");
  EXPECT_EQ(rotation.responder(1), "b");
  EXPECT_EQ(rotation.responder(-1), "c");
}

TEST(OnCall, AnHourThatADayLacksIsTheNextInstantAndOneThatItHasTwiceTheFirst) {
  const Rotation rotation(layer_of(24, 0, 2, "2026-01-05T12:00:00Z"), find_zone("Europe/Berlin"));
  EXPECT_EQ(rotation.shift_at(utc("2026-03-29T05:00:00Z")).start, utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(rotation.shift_at(utc("2026-10-25T05:00:00Z")).start, utc("2026-10-25T00:00:00Z"));
}

TEST(OnCall, ShiftsThatAreNoWholeDaysAreElapsedHours) {
  const Rotation rotation(layer_of(12, 6, 8, "2026-03-28T12:00:00Z"), find_zone("Europe/Berlin"));
  EXPECT_EQ(rotation.shift(0).start, utc("2026-03-22T07:00:00Z"));
  EXPECT_EQ(rotation.shift_at(utc("2026-03-29T20:00:00Z")).start, utc("2026-03-29T19:00:00Z"));
}

TEST(OnCall, ADayThatAZoneLeftOutIsNobodysShift) {
  // Apia had no 2011-12-30.
  const auto schedule = schedule_of("Pacific/Apia", {layer_of(24, 0, 0, "2011-12-26T12:00:00Z")});
  const auto slots =
      final_slots(schedule, utc("2011-12-29T00:00:00Z"), utc("2012-01-02T00:00:00Z"));
  for (std::size_t i = 1; i < slots.size(); ++i) EXPECT_EQ(slots[i - 1].end, slots[i].start);
  for (const auto& s : slots) EXPECT_LT(s.start, s.end);
}

TEST(OnCall, OverridesBeatLayersAndHigherLayersLowerOnes) {
  auto low = layer_of(168, 0, 9, "2026-01-05T12:00:00Z", 1);
  auto high = low;
  high.id = 2;
  high.order = 1;
  high.responders = {"high"};
  auto schedule = schedule_of("UTC", {low, high});
  EXPECT_EQ(who_at(schedule, "2026-02-01T00:00:00Z"), "high");
  schedule.overrides = {override_of(1, "first", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"),
                        override_of(2, "second", "2026-02-01T12:00:00Z", "2026-02-01T13:00:00Z")};
  EXPECT_EQ(who_at(schedule, "2026-01-31T23:59:59Z"), "high");
  EXPECT_EQ(who_at(schedule, "2026-02-01T00:00:00Z"), "first");
  EXPECT_EQ(who_at(schedule, "2026-02-01T12:00:00Z"), "second");
  EXPECT_EQ(who_at(schedule, "2026-02-01T13:00:00Z"), "first");
  EXPECT_EQ(who_at(schedule, "2026-02-02T00:00:00Z"), "high");
  EXPECT_EQ(on_call_at(schedule, utc("2026-02-01T12:30:00Z"))->end, utc("2026-02-01T13:00:00Z"));
  schedule.overrides[1].layer_id = 1;
  const auto row = layer_slots(schedule, schedule.layers[0], utc("2026-02-01T00:00:00Z"),
                               utc("2026-02-01T23:00:00Z"));
  ASSERT_EQ(row.size(), 3u);
  EXPECT_EQ(row[1].responder, "second");
  EXPECT_EQ(row[1].layer_name, "First line");
}

TEST(OnCall, WhereNobodyIsThereIsAGap) {
  auto schedule = schedule_of("UTC", {});
  schedule.overrides = {override_of(1, "x", "2026-02-01T06:00:00Z", "2026-02-01T07:00:00Z")};
  const auto from = utc("2026-02-01T00:00:00Z"), to = utc("2026-02-02T00:00:00Z");
  const auto gaps = gaps_of(final_slots(schedule, from, to), from, to);
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].end, utc("2026-02-01T06:00:00Z"));
  EXPECT_EQ(gaps[1].start, utc("2026-02-01T07:00:00Z"));
  EXPECT_FALSE(on_call_at(schedule, from));
}

TEST(OnCall, UnknownZonesAreTold) {
  EXPECT_EQ(find_zone("Mars/Olympus"), nullptr);
  EXPECT_EQ(find_zone("../../etc/passwd"), nullptr);
  EXPECT_NE(find_zone("Asia/Kathmandu"), nullptr);
}

}  // namespace
