#include "alerting/oncall.hpp"

#include <date/tz.h>

#include <algorithm>

namespace pulse::alerting::oncall {

namespace {

constexpr std::chrono::hours look_ahead{24 * 60};

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

std::int64_t local_day(Zone zone, Instant t) {
  return date::floor<date::days>(zone->to_local(t)).time_since_epoch().count();
}

Slot slot_of(const Override& o, const std::string& layer_name) {
  Slot out;
  out.start = o.start;
  out.end = o.end;
  out.responder = o.responder;
  out.layer_name = layer_name;
  out.layer_id = o.layer_id;
  out.override_id = o.id;
  out.is_override = true;
  return out;
}

/// What `top` covers is taken from the others.
void lay_over(std::vector<Slot>& slots, const Slot& top) {
  std::vector<Slot> out;
  for (const auto& s : slots) {
    if (s.end <= top.start || s.start >= top.end) {
      out.push_back(s);
      continue;
    }
    if (s.start < top.start) {
      out.push_back(s);
      out.back().end = top.start;
    }
    if (s.end > top.end) {
      out.push_back(s);
      out.back().start = top.end;
    }
  }
  out.push_back(top);
  std::sort(out.begin(), out.end(), [](const Slot& a, const Slot& b) { return a.start < b.start; });
  slots = std::move(out);
}

std::vector<const Override*> in_order(const Schedule& schedule, Instant from, Instant to) {
  std::vector<const Override*> out;
  for (const auto& o : schedule.overrides)
    if (o.start < to && o.end > from && o.start < o.end) out.push_back(&o);
  std::sort(out.begin(), out.end(),
            [](const Override* a, const Override* b) { return a->id < b->id; });
  return out;
}

std::vector<Slot> shifts_of(const Layer& layer, Zone zone, Instant from, Instant to) {
  std::vector<Slot> out;
  if (layer.responders.empty()) return out;
  const Rotation rotation(layer, zone);
  for (auto shift = rotation.shift_at(from); shift.start < to;
       shift = rotation.shift(shift.index + 1)) {
    // Where a zone left out a whole day, a shift of it is empty.
    if (shift.start == shift.end) continue;
    Slot slot;
    slot.start = shift.start;
    slot.end = shift.end;
    slot.responder = rotation.responder(shift.index);
    slot.layer_name = layer.name;
    slot.layer_id = layer.id;
    out.push_back(std::move(slot));
  }
  return out;
}

const Layer* top_layer(const Schedule& schedule) {
  const Layer* top = nullptr;
  for (const auto& l : schedule.layers)
    if (!l.responders.empty() && (!top || l.order > top->order)) top = &l;
  return top;
}

std::string name_of_layer(const Schedule& schedule, const std::optional<std::int64_t>& id) {
  for (const auto& l : schedule.layers)
    if (id && l.id == *id) return l.name;
  return override_layer;
}

}  // namespace

Zone find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {  // how the library says that there is none
    return nullptr;
  }
}

Rotation::Rotation(const Layer& layer, Zone zone) : layer_(layer), zone_(zone) {
  if (layer_.shift_hours % 24 == 0) days_ = layer_.shift_hours / 24;
  anchor_day_ = local_day(zone, layer_.rotation_start);
  const std::int64_t monday_based = (anchor_day_ % 7 + 7 + 3) % 7;  // 1970-01-01 was a Thursday
  anchor_day_ -= (monday_based - layer_.handoff_day + 7) % 7;
  if (handoff(anchor_day_) > layer_.rotation_start) anchor_day_ -= 7;
}

Instant Rotation::handoff(std::int64_t day) const {
  const date::local_seconds local{date::days(day) + std::chrono::hours(layer_.handoff_hour)};
  return zone_->to_sys(local, date::choose::earliest);
}

Instant Rotation::start_of(std::int64_t index) const {
  if (days_ > 0) return handoff(anchor_day_ + index * days_);
  return handoff(anchor_day_) + std::chrono::hours(index * layer_.shift_hours);
}

Shift Rotation::shift(std::int64_t index) const {
  return {index, start_of(index), start_of(index + 1)};
}

Shift Rotation::shift_at(Instant t) const {
  std::int64_t index = 0;
  if (days_ > 0) {
    index = floor_div(local_day(zone_, t) - anchor_day_, days_);
  } else {
    const auto length = std::chrono::microseconds(std::chrono::hours(layer_.shift_hours));
    index = floor_div((t - start_of(0)).count(), length.count());
  }
  while (start_of(index) > t) --index;
  while (start_of(index + 1) <= t) ++index;
  return shift(index);
}

std::string Rotation::responder(std::int64_t index) const {
  const auto n = static_cast<std::int64_t>(layer_.responders.size());
  if (n == 0) return {};
  return layer_.responders[static_cast<std::size_t>((index % n + n) % n)];
}

std::vector<Slot> layer_slots(const Schedule& schedule, const Layer& layer, Instant from,
                              Instant to) {
  auto out = shifts_of(layer, schedule.zone, from, to);
  for (const auto* o : in_order(schedule, from, to))
    if (o->layer_id == layer.id) lay_over(out, slot_of(*o, layer.name));
  return out;
}

std::vector<Slot> override_slots(const Schedule& schedule, Instant from, Instant to) {
  std::vector<Slot> out;
  for (const auto* o : in_order(schedule, from, to))
    if (!o->layer_id) lay_over(out, slot_of(*o, override_layer));
  return out;
}

std::vector<Slot> final_slots(const Schedule& schedule, Instant from, Instant to) {
  std::vector<Slot> out;
  if (const auto* top = top_layer(schedule)) out = shifts_of(*top, schedule.zone, from, to);
  for (const auto* o : in_order(schedule, from, to))
    lay_over(out, slot_of(*o, name_of_layer(schedule, o->layer_id)));
  std::erase_if(out, [&](const Slot& s) { return s.end <= from || s.start >= to; });
  for (auto& s : out) {
    s.start = std::max(s.start, from);
    s.end = std::min(s.end, to);
  }
  return out;
}

std::vector<Gap> gaps_of(const std::vector<Slot>& slots, Instant from, Instant to) {
  std::vector<Gap> out;
  auto covered = from;
  for (const auto& s : slots) {
    if (s.start > covered) out.push_back({covered, std::min(s.start, to)});
    covered = std::max(covered, s.end);
  }
  if (covered < to) out.push_back({covered, to});
  return out;
}

std::optional<Slot> on_call_at(const Schedule& schedule, Instant t) {
  for (auto& s : final_slots(schedule, t, t + look_ahead))
    if (s.start <= t) return std::move(s);
  return std::nullopt;
}

}  // namespace pulse::alerting::oncall
