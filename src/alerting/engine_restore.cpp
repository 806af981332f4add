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
    latest.heard_us = std::max(latest.heard_us, at_us + behind_us);
    if ((latest.known && latest.at_us >= at_us) || !std::isfinite(v)) continue;
    latest.value = v;
    latest.at_us = at_us;
    latest.known = latest.seeded = true;
    device->seeded = true;
    device->restored_us = std::max(device->restored_us, at_us + 999);  // it is kept in ms
  }
}

void TenantEngine::restore_report(std::string_view device_id, std::string_view raw_metric,
                                  std::int64_t at_us, std::int64_t behind_us) {
  auto* device = find(device_id);
  const auto uses = uses_.find(raw_metric);
  if (!device || uses == uses_.end()) return;
  for (const auto& use : uses->second) {
    auto& latest = device->latest[use.metric];
    latest.heard_us = std::max(latest.heard_us, at_us + behind_us);
    device->restored_us = std::max(device->restored_us, at_us + 999);
  }
}

void TenantEngine::restore_reports(std::string_view device_id, std::string_view raw_metric,
                                   std::int64_t start_us, std::int64_t count) {
  auto* device = find(device_id);
  const auto uses = uses_.find(raw_metric);
  if (!device || uses == uses_.end()) return;
  Moments reports;
  reports.count = count;
  for (const auto& use : uses->second)
    if (const auto track = device->reports.find(use.metric); track != device->reports.end())
      track->second.add_bucket(start_us, reports);
}

void TenantEngine::restore_clock(std::string_view device_id, std::int64_t newest_us,
                                 std::int64_t behind_us) {
  if (auto* device = find(device_id)) device->hear(newest_us, newest_us + behind_us);
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
  const auto at = rule_at_.find(rule_id);
  if (!device || at == rule_at_.end()) return;
  const auto rule = at->second;
  if (!std::binary_search(device->profile->rules.begin(), device->profile->rules.end(), rule)) {
    left_.push_back({rule, device->facts.device_id, false});
    return;
  }
  const auto value = boost::json::parse(json);
  auto& state = active(*device, rule);
  state.clear_since_us = value.get_object().at("clear_since").to_number<std::int64_t>();
  state.holds.clear();
  for (const auto& item : value.get_object().at("holds").get_array()) {
    const auto* h = item.if_object();
    if (!h) continue;  // older: of no metric by name
    const auto metric = index_.find(std::string_view(h->at("metric").get_string()));
    const auto condition = h->at("condition").to_number<std::size_t>();
    if (metric == index_.end() || condition >= rules_[rule].conditions.size()) continue;
    const auto& metrics = metrics_of(rule, condition, *device);
    if (std::find(metrics.begin(), metrics.end(), metric->second) == metrics.end()) continue;
    const auto newest = h->at("newest").to_number<std::int64_t>();
    state.holds.push_back(
        {condition, metric->second, h->at("since").to_number<std::int64_t>(), newest});
    judged_before(*device, metric->second, newest);
  }
}

/// Older samples that still come are late.
void TenantEngine::judged_before(Device& device, std::size_t metric, std::int64_t at_us) {
  if (const auto latest = device.latest.find(metric); latest != device.latest.end())
    latest->second.judged_us = std::max(latest->second.judged_us, at_us);
}

void TenantEngine::restore_open(std::string_view device_id, std::string_view rule_id,
                                std::int64_t event_us) {
  auto* device = find(device_id);
  const auto at = rule_at_.find(rule_id);
  if (!device || at == rule_at_.end()) return;
  const auto rule = at->second;
  if (!std::binary_search(device->profile->rules.begin(), device->profile->rules.end(), rule)) {
    left_.push_back({rule, device->facts.device_id, true});
    return;
  }
  active(*device, rule).open = true;
  if (rules_[rule].type != RuleType::threshold || rules_[rule].conditions.size() != 1) return;
  // Of several metrics nobody knows which one was that new.
  const auto& metrics = metrics_of(rule, 0, *device);
  if (metrics.size() == 1) judged_before(*device, metrics[0], event_us);
}

void TenantEngine::restore_told(std::string_view device_id, std::string_view rule_id,
                                std::int64_t event_us, std::int64_t opened_us) {
  auto* device = find(device_id);
  const auto at = rule_at_.find(rule_id);
  if (!device || at == rule_at_.end()) return;
  const auto rule = at->second;
  if (!std::binary_search(device->profile->rules.begin(), device->profile->rules.end(), rule))
    return;
  const bool gap = rules_[rule].type == RuleType::telemetry_gap;
  for (std::size_t c = 0; c < rules_[rule].conditions.size(); ++c)
    for (const auto metric : metrics_of(rule, c, *device)) {
      const auto latest = device->latest.find(metric);
      if (latest == device->latest.end()) continue;
      const auto& l = latest->second;
      if (gap ? l.heard_us > opened_us : l.known && l.at_us > event_us) return;
    }
  active(*device, rule).open = true;
}

}  // namespace pulse::alerting
