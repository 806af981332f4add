#include "alerting/engine.hpp"

#include <algorithm>
#include <functional>

#include "alerting/engine_parts.hpp"

namespace pulse::alerting {

namespace {
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_us = 3'600 * second_us;

template <class T>
bool contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool aims_at_sensors(const RuleScope& s) { return s.sensor_id || s.sensor_type; }

bool is_aim(const RuleScope& s, const SensorTarget& t) {
  return s.sensor_id ? t.sensor_id == *s.sensor_id
                     : s.sensor_type && t.sensor_type == *s.sensor_type;
}

bool counts_reports(const Rule& rule) {
  return rule.type == RuleType::telemetry_gap && rule.min_expected_per_hour > 0;
}
}  // namespace

TenantEngine::TenantEngine(std::string tenant_id, std::vector<Rule> rules,
                           std::vector<MetricMapping> mappings, std::vector<SensorTarget> sensors,
                           EngineSettings settings)
    : tenant_(std::move(tenant_id)),
      rules_(std::move(rules)),
      mappings_(std::move(mappings)),
      settings_(settings) {
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    rule_at_.emplace(rules_[r].rule_id, r);
    std::vector<std::vector<std::size_t>> targets;
    for (const auto& c : rules_[r].conditions) {
      auto& of = targets.emplace_back();
      if (!alerting::aims_at_sensors(rules_[r].scope)) of.push_back(index_of(c.metric));
    }
    targets_.push_back(std::move(targets));
  }
  for (auto& s : sensors) {
    index_of(s.metric);
    sensors_[s.device_id].push_back(std::move(s));
  }
}

/// The index of a metric that some rule looks at; one that is new gets one.
std::size_t TenantEngine::index_of(const std::string& metric) {
  const auto [at, fresh] = index_.try_emplace(metric, metrics_.size());
  if (!fresh) return at->second;
  metrics_.push_back(metric);
  add_uses(at->second);
  return at->second;
}

void TenantEngine::add_uses(std::size_t metric) {
  uses_[metrics_[metric]].push_back({metric, 1, 0});
  for (const auto& m : mappings_)
    if (m.normalized == metrics_[metric]) uses_[m.raw].push_back({metric, m.multiplier, m.offset});
}

TenantEngine::~TenantEngine() = default;

std::vector<std::string> TenantEngine::raw_metrics() const {
  std::vector<std::string> out;
  for (const auto& [raw, uses] : uses_) out.push_back(raw);
  return out;
}

std::map<std::string, std::int64_t> TenantEngine::sample_needs() const {
  std::map<std::size_t, std::int64_t> by_metric;
  for (std::size_t r = 0; r < rules_.size(); ++r)
    if (rules_[r].type == RuleType::window)
      for (const auto& condition : targets_[r])
        for (const auto metric : condition)
          by_metric[metric] = std::max(by_metric[metric], rules_[r].window_s * second_us);
  std::map<std::string, std::int64_t> out;
  for (const auto& [raw, uses] : uses_)
    for (const auto& use : uses)
      if (const auto at = by_metric.find(use.metric); at != by_metric.end())
        out[raw] = std::max(out[raw], at->second);
  return out;
}

std::vector<std::pair<std::string, std::int64_t>> TenantEngine::moment_needs() const {
  std::set<std::pair<std::string, std::int64_t>> out;
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    if (rules_[r].type != RuleType::anomaly) continue;
    for (const auto& [raw, uses] : uses_)
      for (const auto& use : uses)
        if (contains(targets_[r][0], use.metric)) out.emplace(raw, rules_[r].window_s * second_us);
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> TenantEngine::report_needs() const {
  std::vector<std::string> out;
  for (const auto& [raw, uses] : uses_) {
    const bool counted = std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
      for (std::size_t r = 0; r < rules_.size(); ++r)
        if (counts_reports(rules_[r]) && contains(targets_[r][0], use.metric)) return true;
      return false;
    });
    if (counted) out.push_back(raw);
  }
  return out;
}

std::vector<std::string> TenantEngine::group_ids() const {
  std::set<std::string> out;
  for (const auto& rule : rules_) {
    out.insert(rule.scope.group_ids.begin(), rule.scope.group_ids.end());
    if (rule.scope.device_group_id) out.insert(*rule.scope.device_group_id);
  }
  return {out.begin(), out.end()};
}

bool TenantEngine::in_scope(const Rule& rule, const RuledDevice& device) const {
  const auto& s = rule.scope;
  if (!s.site_ids.empty() && !contains(s.site_ids, device.site_id)) return false;
  if (s.device_type && *s.device_type != device.device_type) return false;
  if (s.device_group_id && !contains(device.group_ids, *s.device_group_id)) return false;
  if (!s.group_ids.empty() &&
      std::none_of(s.group_ids.begin(), s.group_ids.end(),
                   [&](const std::string& g) { return contains(device.group_ids, g); }))
    return false;
  if (!alerting::aims_at_sensors(s)) return true;
  const auto own = sensors_.find(device.device_id);
  return own != sensors_.end() && std::any_of(own->second.begin(), own->second.end(),
                                              [&](const SensorTarget& t) { return is_aim(s, t); });
}

bool TenantEngine::aims_at_sensors() const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [](const Rule& r) { return alerting::aims_at_sensors(r.scope); });
}

void TenantEngine::put_sensors(const std::string& device_id, std::vector<SensorTarget> sensors) {
  for (const auto& s : sensors) index_of(s.metric);
  if (sensors.empty())
    sensors_.erase(device_id);
  else
    sensors_[device_id] = std::move(sensors);
}

bool TenantEngine::brings_new_keys(std::string_view device_id, const boost::json::object& metrics) {
  auto* device = find(device_id);
  if (!device) return false;
  bool fresh = false;
  for (const auto& [key, value] : metrics) {
    const auto hash = std::hash<std::string_view>{}(std::string_view(key));
    const auto place = std::lower_bound(device->keys.begin(), device->keys.end(), hash);
    if (place != device->keys.end() && *place == hash) continue;
    device->keys.insert(place, hash);
    fresh = true;
  }
  return fresh;
}

const std::vector<std::size_t>& TenantEngine::metrics_of(std::size_t rule, std::size_t condition,
                                                         const Device& device) const {
  const auto own = device.own.find(rule);
  return own == device.own.end() ? targets_[rule][condition] : own->second;
}

std::shared_ptr<const TenantEngine::Profile> TenantEngine::profile_of(const RuledDevice& device) {
  Profile profile;
  std::string key;
  for (std::size_t r = 0; r < rules_.size(); ++r)
    if (in_scope(rules_[r], device)) {
      profile.rules.push_back(r);
      key += std::to_string(r) + ",";
    }
  auto& shared = profiles_[key];
  if (auto there = shared.lock()) return there;
  for (const auto r : profile.rules) {
    if (rules_[r].type == RuleType::window || rules_[r].type == RuleType::telemetry_gap)
      profile.by_time.push_back(r);
    std::set<std::size_t> metrics;
    for (const auto& condition : targets_[r]) metrics.insert(condition.begin(), condition.end());
    for (const auto metric : metrics) profile.of_metric[metric].push_back(r);
  }
  auto made = std::make_shared<const Profile>(std::move(profile));
  shared = made;
  return made;
}

TenantEngine::Device* TenantEngine::find(std::string_view device_id) {
  const auto at = devices_.find(std::string(device_id));
  return at == devices_.end() ? nullptr : at->second.get();
}

bool TenantEngine::knows(std::string_view device_id) const {
  return devices_.contains(std::string(device_id));
}

void TenantEngine::put_device(RuledDevice facts) {
  auto& device = devices_[facts.device_id];
  if (!device) device = std::make_unique<Device>();
  device->profile = profile_of(facts);
  device->facts = std::move(facts);
  find_own(*device);
  make_tracks(*device);
  std::erase_if(device->active, [&](const Active& a) {
    const auto& in_scope = device->profile->rules;
    if (std::binary_search(in_scope.begin(), in_scope.end(), a.rule)) return false;
    left_.push_back({a.rule, device->facts.device_id, a.open});
    return true;
  });
}

/// The metrics of a device's sensors, for rules that aim at sensors. What a metric held that is no
/// such sensor any more is forgotten.
void TenantEngine::find_own(Device& device) const {
  device.own.clear();
  const auto sensors = sensors_.find(device.facts.device_id);
  if (sensors == sensors_.end()) return;
  for (const auto rule : device.profile->rules) {
    if (!alerting::aims_at_sensors(rules_[rule].scope)) continue;
    auto& metrics = device.own[rule];
    for (const auto& t : sensors->second)
      if (is_aim(rules_[rule].scope, t)) metrics.push_back(index_.at(t.metric));
  }
  for (auto& a : device.active)
    if (const auto own = device.own.find(a.rule); own != device.own.end())
      std::erase_if(a.holds,
                    [&](const Active::Hold& h) { return !contains(own->second, h.metric); });
}

void TenantEngine::make_tracks(Device& device) {
  for (const auto r : device.profile->rules) {
    const auto& rule = rules_[r];
    const auto window_us = rule.window_s * second_us;
    for (const auto& condition : targets_[r])
      for (const auto metric : condition) {
        if (rule.type == RuleType::window)
          device.samples.try_emplace(metric, window_us).first->second.keep_at_least(window_us);
        if (rule.type == RuleType::anomaly)
          device.moments.try_emplace({metric, window_us}, window_us);
        if (counts_reports(rule)) device.reports.try_emplace(metric, hour_us);
      }
  }
}

void TenantEngine::drop_device(std::string_view device_id) {
  devices_.erase(std::string(device_id));
}

void TenantEngine::drop_devices(const std::function<bool(const std::string&)>& which) {
  std::erase_if(devices_, [&](const auto& entry) { return which(entry.first); });
}

}  // namespace pulse::alerting
