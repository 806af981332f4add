// What a message brings, and what time brings.
#include <algorithm>
#include <cmath>

#include "alerting/engine_parts.hpp"

namespace pulse::alerting {

namespace {
constexpr double largest = 1e100;  // beyond it sums and squares lose themselves

/// PostgreSQL's latest values keep milliseconds: finer, a restored sample would differ from its
/// message.
std::int64_t ms_of(std::int64_t us) { return us / 1'000; }

bool needs_state(const Rule& rule) {
  if (rule.clear_after_s > 0) return true;
  return rule.type == RuleType::threshold &&
         std::any_of(rule.conditions.begin(), rule.conditions.end(),
                     [](const Condition& c) { return c.duration_s > 0; });
}

bool decided_late(const Rule& rule) {
  return rule.type == RuleType::window || rule.type == RuleType::telemetry_gap;
}

/// Nothing of a text.
std::optional<double> number_of(const boost::json::value& value) {
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  if (value.is_number()) return value.to_number<double>();
  return std::nullopt;
}
}  // namespace

TenantEngine::Active* TenantEngine::known(Device& device, std::size_t rule) {
  const auto at = std::lower_bound(device.active.begin(), device.active.end(), rule,
                                   [](const Active& a, std::size_t r) { return a.rule < r; });
  return at != device.active.end() && at->rule == rule ? &*at : nullptr;
}

TenantEngine::Active& TenantEngine::active(Device& device, std::size_t rule) {
  const auto at = std::lower_bound(device.active.begin(), device.active.end(), rule,
                                   [](const Active& a, std::size_t r) { return a.rule < r; });
  if (at != device.active.end() && at->rule == rule) return *at;
  Active fresh;
  fresh.rule = rule;
  return *device.active.insert(at, std::move(fresh));
}

/// The rules that look at one of these metrics.
std::vector<std::size_t> TenantEngine::rules_of(const Device& device,
                                                const std::vector<std::size_t>& metrics) const {
  std::set<std::size_t> out;
  for (const auto metric : metrics) {
    if (const auto rules = device.profile->of_metric.find(metric);
        rules != device.profile->of_metric.end())
      out.insert(rules->second.begin(), rules->second.end());
    for (const auto& [rule, own] : device.own)
      if (std::find(own.begin(), own.end(), metric) != own.end()) out.insert(rule);
  }
  return {out.begin(), out.end()};
}

/// Whether it says nothing about what is now. What was restored may be newer than messages that are
/// still to be judged, and are not late, unless they are known to have been judged.
bool TenantEngine::Device::Latest::makes_late(std::int64_t of_us) const {
  return known && ms_of(of_us) <= ms_of(seeded ? judged_us : at_us);
}

void TenantEngine::judge(std::string_view device_id, std::int64_t at_us,
                         const boost::json::object& metrics, std::int64_t now_us, Decisions& out,
                         std::int64_t heard_us) {
  auto* device = find(device_id);
  if (!device) return;
  if (heard_us == 0) heard_us = now_us;
  device->hear(at_us, heard_us);
  // By name: of several that become one metric the first counts, as it does when they are restored.
  std::vector<std::pair<std::string_view, const boost::json::value*>> used;
  for (const auto& [key, value] : metrics)
    if (uses_.contains(std::string_view(key))) used.emplace_back(key, &value);
  if (used.size() > 1) std::sort(used.begin(), used.end());
  const bool restored = at_us <= device->restored_us;
  std::map<std::size_t, double> news;  // what is newer than what is known
  std::set<std::size_t> came;          // metrics of which there is a report
  for (const auto& [key, value] : used) {
    const auto raw = number_of(*value);
    for (const auto& use : uses_.find(key)->second) {
      auto& latest = device->latest[use.metric];
      const double v = raw.value_or(0) * use.multiplier + use.offset;
      if (raw && (!std::isfinite(v) || std::abs(v) > largest)) continue;
      came.insert(use.metric);
      latest.heard_us = std::max(latest.heard_us, heard_us);
      if (const auto track = device->reports.find(use.metric);
          track != device->reports.end() && !restored)
        track->second.add(at_us, 0);
      if (!raw) continue;
      if (const auto track = device->samples.find(use.metric); track != device->samples.end())
        track->second.add(at_us, v);
      if (latest.makes_late(at_us)) continue;
      latest.value = v;
      latest.at_us = at_us;
      latest.known = true;
      latest.seeded = false;
      news[use.metric] = v;
    }
  }
  Look look;
  look.at_us = at_us;
  look.now_us = now_us;
  look.news = &news;
  std::vector<std::size_t> fresh, late;
  for (const auto metric : came) (news.contains(metric) ? fresh : late).push_back(metric);
  const auto rules = rules_of(*device, fresh);
  for (const auto r : rules) decide(r, *device, look, out);
  // A late sample belongs to its window, and any report says that its metric is not silent.
  for (const auto r : rules_of(*device, late))
    if (decided_late(rules_[r]) && !std::binary_search(rules.begin(), rules.end(), r))
      decide(r, *device, look, out);
  if (restored) return;
  for (auto& [key, track] : device->moments)
    if (const auto value = news.find(key.first); value != news.end())
      track.add(at_us, value->second);
}

void TenantEngine::settle(const std::function<bool(const std::string&)>& which, std::int64_t now_us,
                          Decisions& out) {
  for (auto& [id, held] : devices_) {
    auto& device = *held;
    if (!device.seeded || !which(id)) continue;
    device.seeded = false;
    std::map<std::int64_t, std::map<std::size_t, double>> by_time;
    for (auto& [metric, latest] : device.latest)
      if (latest.seeded) {
        by_time[latest.at_us][metric] = latest.value;
        latest.seeded = false;
      }
    for (const auto& [at, news] : by_time) {
      Look look;
      look.at_us = at;
      look.now_us = now_us;
      look.news = &news;
      std::vector<std::size_t> metrics;
      for (const auto& [metric, value] : news) metrics.push_back(metric);
      for (const auto r : rules_of(device, metrics))
        if (rules_[r].type == RuleType::threshold) decide(r, device, look, out);
    }
  }
}

void TenantEngine::tick(std::int64_t now_us, Decisions& out) {
  close_left(out);
  for (auto& [id, held] : devices_) {
    auto& device = *held;
    // A clock that falls further behind stands still: what was decided by it stays decided.
    device.ticked_us = std::max(device.ticked_us, now_us - device.behind_us);
    Look look;
    look.at_us = device.ticked_us;
    look.now_us = now_us;
    look.is_tick = true;
    for (const auto r : device.profile->by_time) decide(r, device, look, out);
    if (device.seeded) continue;
    // Deciding may add to the list: by number, over what was there.
    std::vector<std::size_t> waiting;
    for (const auto& a : device.active)
      if (rules_[a.rule].type == RuleType::threshold &&
          (needs_state(rules_[a.rule]) || a.not_before_us > 0))
        waiting.push_back(a.rule);
    for (const auto r : waiting) decide(r, device, look, out);
  }
}

void TenantEngine::held_back(std::string_view device_id, std::string_view rule_id,
                             std::int64_t now_us) {
  auto* device = find(device_id);
  if (!device) return;
  for (auto& a : device->active)
    // What was over by the same batch is not held back: the next time is another one.
    if (rules_[a.rule].rule_id == rule_id && a.open) {
      a.open = false;
      a.not_before_us = now_us + settings_.hold_back_us;
    }
}

}  // namespace pulse::alerting
