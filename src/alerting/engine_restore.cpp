// What is known from before, as the evaluator reads it when it takes over.
#include <algorithm>
#include <cmath>

#include "alerting/engine_parts.hpp"

namespace pulse::alerting {

void TenantEngine::restore_latest(std::string_view device_id, std::string_view raw_metric,
                                  double value, std::int64_t at_us, std::int64_t behind_us) {
  auto* device = find(device_id);
  const auto uses = uses_.find(raw_metric);
  if (!device || uses == uses_.end()) return;
  for (const auto& use : uses->second) {
    const double v = value * use.multiplier + use.offset;
    auto& latest = device->latest[use.metric];
    if ((latest.known && latest.at_us >= at_us) || !std::isfinite(v)) continue;
    latest = {v, at_us, at_us + behind_us, true, true};
    device->behind_us = behind_us;
    device->seeded = true;
    device->restored_us = std::max(device->restored_us, at_us + 999);  // it is kept in ms
  }
}

void TenantEngine::restore_sample(std::string_view device_id, std::string_view raw_metric,
                                  double value, std::int64_t at_us) {
  auto* device = find(device_id);
  const auto uses = uses_.find(raw_metric);
  if (!device || uses == uses_.end()) return;
  for (const auto& use : uses->second)
    if (const auto track = device->samples.find(use.metric); track != device->samples.end())
      track->second.add(at_us, value * use.multiplier + use.offset);
}

void TenantEngine::restore_moments(std::string_view device_id, std::string_view raw_metric,
                                   std::int64_t window_us, std::int64_t start_us,
                                   const Moments& moments) {
  auto* device = find(device_id);
  const auto uses = uses_.find(raw_metric);
  if (!device || uses == uses_.end()) return;
  for (const auto& use : uses->second) {
    const auto track = device->moments.find({use.metric, window_us});
    if (track == device->moments.end()) continue;
    Moments scaled = moments;
    scaled.mean = moments.mean * use.multiplier + use.offset;
    scaled.m2 = moments.m2 * use.multiplier * use.multiplier;
    track->second.add_bucket(start_us, scaled);
  }
}

void TenantEngine::restore_state(std::string_view device_id, std::string_view rule_id,
                                 std::string_view json) {
  auto* device = find(device_id);
  if (!device) return;
  for (const auto r : device->profile->rules) {
    if (rules_[r].rule_id != rule_id) continue;
    const auto value = boost::json::parse(json);
    auto& state = active(*device, r);
    state.clear_since_us = value.get_object().at("clear_since").to_number<std::int64_t>();
    state.holds.clear();
    for (const auto& h : value.get_object().at("holds").get_array())
      state.holds.push_back(
          {h.get_array()[0].to_number<std::int64_t>(), h.get_array()[1].get_bool()});
    if (!state.holds.empty()) state.holds.resize(rules_[r].conditions.size());
    return;
  }
}

void TenantEngine::restore_open(std::string_view device_id, std::string_view rule_id) {
  auto* device = find(device_id);
  if (!device) return;
  for (const auto r : device->profile->rules)
    if (rules_[r].rule_id == rule_id) active(*device, r).open = true;
}

}  // namespace pulse::alerting
