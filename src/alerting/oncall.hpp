#pragma once
// Who is on call: a pure function of a schedule and an instant. Shifts are counted in both
// directions from their layer's anchor, so any instant has exactly one shift in each layer.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"

namespace date {
class time_zone;
}

namespace pulse::alerting::oncall {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;
using Zone = const date::time_zone*;

/// The zone of that name in the system's time zone database; null when there is none.
Zone find_zone(const std::string& name);

struct Layer {
  std::int64_t id = 0;
  std::string name;
  int order = 0;  ///< the highest goes before the others
  int shift_hours = 168;
  int handoff_day = 0;   ///< 0 Monday to 6 Sunday
  int handoff_hour = 9;  ///< on the wall clock of the schedule's zone
  std::vector<std::string> responders;
  Instant rotation_start;  ///< set back to handoff day and hour it is what shifts are counted from
};

struct Override {
  std::int64_t id = 0;  ///< of two at once the later one counts
  std::optional<std::int64_t> layer_id;
  std::string responder;
  Instant start, end;
};

struct Schedule {
  Zone zone = nullptr;
  std::vector<Layer> layers;
  std::vector<Override> overrides;
};

struct Shift {
  std::int64_t index = 0;  ///< from the anchor's, which is 0
  Instant start, end;      ///< end is the next one's start
};

/// The shifts of one layer. A shift of whole days ends at the handoff hour on the wall clock, so it
/// may last 23 or 25 hours; others last as long as they say. A handoff hour that a day doesn't have
/// is the next instant that it has; one that it has twice is the first.
class Rotation {
 public:
  Rotation(const Layer& layer, Zone zone);
  Shift shift(std::int64_t index) const;
  Shift shift_at(Instant t) const;
  /// Empty when the layer has no responders.
  std::string responder(std::int64_t index) const;

 private:
  Instant handoff(std::int64_t day) const;
  Instant start_of(std::int64_t index) const;
  Layer layer_;
  Zone zone_;
  std::int64_t anchor_day_ = 0;  ///< days since 1970 on the wall clock
  int days_ = 0;                 ///< of a shift; 0: it is no whole number of them
};

struct Slot {
  Instant start, end;
  std::string responder, layer_name;
  std::optional<std::int64_t> layer_id, override_id;
  bool is_override = false;
};

/// Name of the row of overrides that belong to no layer.
inline constexpr const char* override_layer = "Override";

/// The shifts of a layer that touch [from, to), whole, under its own overrides. None without
/// responders.
std::vector<Slot> layer_slots(const Schedule& schedule, const Layer& layer, Instant from,
                              Instant to);
/// Overrides of the whole schedule that touch [from, to), each moment in one of them.
std::vector<Slot> override_slots(const Schedule& schedule, Instant from, Instant to);
/// Who really is on call in [from, to): overrides before layers, of those the highest that has
/// responders. What is left out are gaps.
std::vector<Slot> final_slots(const Schedule& schedule, Instant from, Instant to);

struct Gap {
  Instant start, end;
};
/// What `slots` (in order, without overlap) leave open in [from, to).
std::vector<Gap> gaps_of(const std::vector<Slot>& slots, Instant from, Instant to);

/// Who is on call at an instant, until when: the slot of the final schedule. Nothing in a gap.
std::optional<Slot> on_call_at(const Schedule& schedule, Instant t);

}  // namespace pulse::alerting::oncall
