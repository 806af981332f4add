// What each type of rule says of a device.
#include <algorithm>
#include <cmath>

#include "alerting/engine_parts.hpp"

namespace pulse::alerting {

namespace {
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_us = 3'600 * second_us;

std::string reading_text(std::string_view metric, double value, Operator op, double threshold) {
  return std::string(metric) + " is " + number_text(value) + " (" + std::string(symbol_of(op)) +
         " " + number_text(threshold) + ")";
}

std::string minutes_text(std::int64_t us) {
  const auto s = us / second_us;
  return s % 60 == 0 ? std::to_string(s / 60) + " min" : std::to_string(s) + " s";
}
}  // namespace

TenantEngine::Verdict TenantEngine::verdict(std::size_t r, Device& device, const Look& look) {
  switch (rules_[r].type) {
    case RuleType::threshold:
      return threshold(r, device, look);
    case RuleType::window:
      return window(r, device, look);
    case RuleType::anomaly:
      return anomaly(r, device, look);
    case RuleType::telemetry_gap:
      return gap(r, device, look);
  }
  return {};
}

/// Counts a sample, whether it held or not, to what a metric holds; says whether that has to be
/// kept: that it began, was proven, or is over.
bool TenantEngine::note_hold(std::size_t r, std::size_t condition, std::size_t metric, bool held,
                             std::int64_t at_us, Device& device) {
  auto* state = known(device, r);
  if (!state && !held) return false;
  auto& list = active(device, r).holds;
  const auto place = std::find_if(list.begin(), list.end(), [&](const Active::Hold& h) {
    return h.condition == condition && h.metric == metric;
  });
  if (!held) {
    if (place == list.end()) return false;
    list.erase(place);
    return true;
  }
  if (place == list.end()) {
    list.push_back({condition, metric, at_us, at_us});
    return true;
  }
  const bool before = place->proven();
  place->newest_us = at_us;
  return place->proven() != before;
}

/// Whether a metric has held a condition for its duration at `now_us`, by two samples at least.
bool TenantEngine::has_lasted(std::size_t r, std::size_t condition, std::size_t metric,
                              std::int64_t now_us, Device& device) {
  const auto* state = known(device, r);
  if (!state) return false;
  const auto duration_us = rules_[r].conditions[condition].duration_s * second_us;
  return std::any_of(state->holds.begin(), state->holds.end(), [&](const Active::Hold& h) {
    return h.condition == condition && h.metric == metric && h.proven() &&
           now_us - h.since_us >= duration_us;
  });
}

TenantEngine::Verdict TenantEngine::threshold(std::size_t r, Device& device, const Look& look) {
  const auto& rule = rules_[r];
  Verdict v;
  bool fires = !rule.any, broken = !rule.any, told_holds = false;
  // One condition may have a value of its own where it clears.
  const bool hysteresis = rule.clear_threshold && rule.conditions.size() == 1;
  for (std::size_t c = 0; c < rule.conditions.size(); ++c) {
    const auto& condition = rule.conditions[c];
    bool hold = false, hold_open = false, satisfied = false;
    std::size_t metric = 0;
    double value = 0;
    for (const auto m : metrics_of(r, c, device)) {
      const auto at = device.latest.find(m);
      if (at == device.latest.end() || !at->second.known) continue;
      const auto& latest = at->second;
      v.known = true;
      v.at_us = std::max(v.at_us, latest.at_us);
      const bool here = holds(latest.value, condition.op, condition.threshold);
      hold_open = hold_open ||
                  (hysteresis ? holds(latest.value, condition.op, *rule.clear_threshold) : here);
      bool lasts = here;
      if (condition.duration_s > 0) {
        if (look.news && look.news->contains(m))
          v.state_changed = note_hold(r, c, m, here, latest.at_us, device) || v.state_changed;
        lasts = here && has_lasted(r, c, m, std::max(look.at_us, latest.at_us), device);
      }
      // The metric that is told is one that lasts, else one that holds.
      if (!hold || (here && !satisfied)) {
        metric = m;
        value = latest.value;
      }
      hold = hold || here;
      satisfied = satisfied || lasts;
    }
    // The condition that is told is the first that holds.
    if (!v.told || (hold && !told_holds)) {
      const auto& metrics = metrics_of(r, c, device);
      v.told = &condition;
      v.metric = metrics.empty() ? condition.metric : metrics_[metric];
      v.value = value;
      told_holds = hold;
    }
    fires = rule.any ? fires || satisfied : fires && satisfied;
    broken = rule.any ? broken || hold_open : broken && hold_open;
  }
  v.fires = fires;
  v.still_broken = broken;
  if (!look.is_tick) v.at_us = look.at_us;
  if (fires || broken)
    v.summary = told_holds ? reading_text(v.metric, v.value, v.told->op, v.told->threshold)
                           : v.metric + " is " + number_text(v.value);
  return v;
}

TenantEngine::Verdict TenantEngine::window(std::size_t r, Device& device, const Look& look) {
  const auto& rule = rules_[r];
  const auto& condition = rule.conditions[0];
  Verdict v;
  for (const auto m : metrics_of(r, 0, device)) {
    const auto track = device.samples.find(m);
    if (track == device.samples.end()) continue;
    // A late sample changes the window that ends with the newest one, or where a tick looked last.
    const auto end = look.is_tick
                         ? look.at_us
                         : std::max({look.at_us, track->second.newest_us(), device.ticked_us});
    const auto value = track->second.over(rule.aggregation, end, rule.window_s * second_us);
    if (!value) continue;
    v.known = true;
    v.metric = metrics_[m];
    v.value = *value;
    break;
  }
  if (!v.known) return v;
  v.fires = holds(v.value, condition.op, condition.threshold);
  v.still_broken =
      rule.clear_threshold ? holds(v.value, condition.op, *rule.clear_threshold) : v.fires;
  if (!v.still_broken && !v.fires) return v;
  v.told = &condition;
  v.more = {{"aggregation", name_of(rule.aggregation)}, {"window_seconds", rule.window_s}};
  v.summary = reading_text(std::string(name_of(rule.aggregation)) + "(" + v.metric + ") over " +
                               minutes_text(rule.window_s * second_us),
                           v.value, condition.op, condition.threshold);
  return v;
}

TenantEngine::Verdict TenantEngine::anomaly(std::size_t r, Device& device, const Look& look) {
  const auto& rule = rules_[r];
  Verdict v;
  if (!look.news) return v;
  for (const auto m : metrics_of(r, 0, device)) {
    const auto value = look.news->find(m);
    const auto track = device.moments.find({m, rule.window_s * second_us});
    if (value == look.news->end() || track == device.moments.end()) continue;
    auto moments = track->second.over(look.at_us);
    // What was restored holds the sample itself.
    if (look.at_us <= device.restored_us) moments.remove(value->second);
    if (moments.count < static_cast<std::int64_t>(rule.min_samples)) continue;
    v.known = true;
    v.metric = metrics_[m];
    v.value = value->second;
    const double away = std::abs(v.value - moments.mean), stddev = moments.stddev();
    v.fires = stddev > 0 ? away / stddev > rule.z_threshold
                         : rule.min_change && away > 0 && away >= *rule.min_change;
    if (stddev > 0 && rule.min_change) v.fires = v.fires && away >= *rule.min_change;
    v.still_broken = v.fires;
    v.more = {{"mean", moments.mean}, {"stddev", stddev}, {"count", moments.count}};
    v.more["z_score"] =
        stddev > 0 ? boost::json::value(away / stddev) : boost::json::value(nullptr);
    v.more["threshold"] = rule.z_threshold;
    v.summary = v.metric + " is " + number_text(v.value) + ", usually " +
                number_text(moments.mean) +
                (stddev > 0 ? " (" + number_text(away / stddev) + " standard deviations)" : "");
    if (v.fires) break;
  }
  return v;
}

TenantEngine::Verdict TenantEngine::gap(std::size_t r, Device& device, const Look& look) {
  const auto& rule = rules_[r];
  Verdict v;
  v.known = true;
  const auto begun = std::max(device.facts.created_us, rule.created_us);
  std::int64_t last = 0, in_hour = 0;
  for (const auto m : metrics_of(r, 0, device)) {
    if (v.metric.empty()) v.metric = metrics_[m];
    // By when it came: a device's clock may be wrong, and what was buffered is no silence.
    if (const auto latest = device.latest.find(m); latest != device.latest.end()) {
      last = std::max(last, latest->second.heard_us);
      if (latest->second.known) v.value = latest->second.value;
    }
    if (const auto track = device.reports.find(m); track != device.reports.end())
      in_hour += track->second.over(look.at_us).count;
  }
  const bool ever = last > 0, arrived = look.news != nullptr;
  const bool silent = !arrived && look.now_us - (ever ? last : begun) > rule.gap_s * second_us;
  const bool too_few = rule.min_expected_per_hour > 0 && look.is_tick &&
                       look.now_us - begun > hour_us && in_hour < rule.min_expected_per_hour;
  v.fires = silent || too_few;
  v.still_broken = v.fires || (rule.min_expected_per_hour > 0 && arrived &&
                               in_hour < rule.min_expected_per_hour);
  if (!v.still_broken) return v;
  v.more = {{"gap_minutes", rule.gap_s / 60}};
  if (too_few) v.more["values_in_hour"] = in_hour;
  v.summary =
      silent ? "no " + v.metric + (ever ? "" : " ever") + " for more than " +
                   minutes_text(rule.gap_s * second_us)
             : "only " + std::to_string(in_hour) + " values of " + v.metric + " in the last hour";
  return v;
}

}  // namespace pulse::alerting
