#include "alerting/engine.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "alerting/engine_parts.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting {

namespace {
constexpr std::int64_t second_us = 1'000'000;
constexpr double largest = 1e100;  // beyond it sums and squares lose themselves

/// PostgreSQL's latest values keep milliseconds: finer, a restored sample would differ from its
/// message.
std::int64_t ms_of(std::int64_t us) { return us / 1'000; }
constexpr std::int64_t hour_us = 3'600 * second_us;

template <class T>
bool contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool needs_state(const Rule& rule) {
  if (rule.clear_after_s > 0) return true;
  return rule.type == RuleType::threshold &&
         std::any_of(rule.conditions.begin(), rule.conditions.end(),
                     [](const Condition& c) { return c.duration_s > 0; });
}
}  // namespace

TenantEngine::TenantEngine(std::string tenant_id, std::vector<Rule> rules,
                           std::vector<MetricMapping> mappings, std::vector<SensorTarget> sensors,
                           EngineSettings settings)
    : tenant_(std::move(tenant_id)), rules_(std::move(rules)), settings_(settings) {
  const auto index = [this](const std::string& metric) {
    const auto [at, fresh] = index_.try_emplace(metric, metrics_.size());
    if (fresh) metrics_.push_back(metric);
    return at->second;
  };
  for (const auto& rule : rules_) {
    std::vector<std::vector<std::size_t>> targets;
    for (const auto& c : rule.conditions) {
      std::set<std::size_t> of;
      if (rule.scope.sensor_id || rule.scope.sensor_type) {
        for (const auto& s : sensors)
          if (rule.scope.sensor_id ? s.sensor_id == *rule.scope.sensor_id
                                   : s.sensor_type == *rule.scope.sensor_type)
            of.insert(index(s.metric));
      } else {
        of.insert(index(c.metric));
      }
      targets.emplace_back(of.begin(), of.end());
    }
    targets_.push_back(std::move(targets));
  }
  for (auto& s : sensors) sensors_[s.device_id].push_back(std::move(s));
  for (std::size_t i = 0; i < metrics_.size(); ++i) uses_[metrics_[i]].push_back({i, 1, 0});
  for (const auto& m : mappings)
    if (const auto at = index_.find(m.normalized); at != index_.end())
      uses_[m.raw].push_back({at->second, m.multiplier, m.offset});
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
    const auto& rule = rules_[r];
    const bool counts = rule.type == RuleType::telemetry_gap && rule.min_expected_per_hour > 0;
    if (rule.type != RuleType::anomaly && !counts) continue;
    for (const auto& [raw, uses] : uses_)
      for (const auto& use : uses)
        if (contains(targets_[r][0], use.metric))
          out.emplace(raw, counts ? hour_us : rule.window_s * second_us);
  }
  return {out.begin(), out.end()};
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
  if (!s.sensor_id && !s.sensor_type) return true;
  const auto own = sensors_.find(device.device_id);
  return own != sensors_.end() &&
         std::any_of(own->second.begin(), own->second.end(), [&](const SensorTarget& t) {
           return s.sensor_id ? t.sensor_id == *s.sensor_id : t.sensor_type == *s.sensor_type;
         });
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
  device->own.clear();
  if (const auto sensors = sensors_.find(device->facts.device_id); sensors != sensors_.end())
    for (const auto rule : device->profile->rules) {
      const auto& s = rules_[rule].scope;
      if (!s.sensor_id && !s.sensor_type) continue;
      for (const auto& t : sensors->second)
        if (s.sensor_id ? t.sensor_id == *s.sensor_id : t.sensor_type == *s.sensor_type)
          device->own[rule].push_back(index_.at(t.metric));
    }
  make_tracks(*device);
  // What is out of scope now is forgotten; its open alert is closed by a person or with the rule.
  std::erase_if(device->active, [&](const Active& a) {
    return !std::binary_search(device->profile->rules.begin(), device->profile->rules.end(),
                               a.rule);
  });
}

void TenantEngine::make_tracks(Device& device) {
  for (const auto r : device.profile->rules) {
    const auto& rule = rules_[r];
    const bool counts = rule.type == RuleType::telemetry_gap && rule.min_expected_per_hour > 0;
    const auto window_us = counts ? hour_us : rule.window_s * second_us;
    for (const auto& condition : targets_[r])
      for (const auto metric : condition) {
        if (rule.type == RuleType::window)
          device.samples.try_emplace(metric, window_us).first->second.keep_at_least(window_us);
        if (rule.type == RuleType::anomaly || counts)
          device.moments.try_emplace({metric, window_us}, window_us);
      }
  }
}

void TenantEngine::drop_device(std::string_view device_id) {
  devices_.erase(std::string(device_id));
}

void TenantEngine::drop_devices(const std::function<bool(const std::string&)>& which) {
  std::erase_if(devices_, [&](const auto& entry) { return which(entry.first); });
}

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
                                                const std::map<std::size_t, double>& news) const {
  std::set<std::size_t> out;
  for (const auto& [metric, value] : news)
    if (const auto rules = device.profile->of_metric.find(metric);
        rules != device.profile->of_metric.end())
      out.insert(rules->second.begin(), rules->second.end());
  return {out.begin(), out.end()};
}

void TenantEngine::judge(std::string_view device_id, std::int64_t at_us,
                         const boost::json::object& metrics, std::int64_t now_us, Decisions& out,
                         std::int64_t heard_us) {
  auto* device = find(device_id);
  if (!device) return;
  if (heard_us == 0) heard_us = now_us;
  device->behind_us = std::max<std::int64_t>(0, heard_us - at_us);
  std::map<std::size_t, double> came;  // all that the message says
  std::map<std::size_t, double> news;  // what is newer than what is known
  for (const auto& [key, value] : metrics) {
    const auto uses = uses_.find(std::string_view(key));
    if (uses == uses_.end()) continue;
    double raw = 0;
    if (value.is_number())
      raw = value.to_number<double>();
    else if (value.is_bool())
      raw = value.get_bool() ? 1 : 0;
    else
      continue;
    for (const auto& use : uses->second) {
      const double v = raw * use.multiplier + use.offset;
      if (!std::isfinite(v) || std::abs(v) > largest) continue;
      came[use.metric] = v;
      auto& latest = device->latest[use.metric];
      // What was restored may be newer than messages that are still to be judged, and are not late.
      const bool late = latest.known && !latest.seeded && ms_of(at_us) <= ms_of(latest.at_us);
      latest.heard_us = std::max(latest.heard_us, heard_us);
      if (const auto track = device->samples.find(use.metric); track != device->samples.end())
        track->second.add(at_us, v);
      if (late) continue;
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
  for (const auto r : rules_of(*device, news)) decide(r, *device, look, out);
  if (came.size() > news.size()) {
    // A late sample belongs to its window, and says that its metric is not silent.
    for (const auto r : rules_of(*device, came))
      if (rules_[r].type == RuleType::window || rules_[r].type == RuleType::telemetry_gap)
        decide(r, *device, look, out);
  }
  if (at_us <= device->restored_us) return;
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
      for (const auto r : rules_of(device, news))
        if (rules_[r].type == RuleType::threshold) decide(r, device, look, out);
    }
  }
}

void TenantEngine::tick(std::int64_t now_us, Decisions& out) {
  for (auto& [id, held] : devices_) {
    auto& device = *held;
    Look look;
    look.at_us = now_us - device.behind_us;
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

void TenantEngine::note_state(const Rule& rule, const Device& device, const Active& state,
                              Decisions& out) {
  std::string text;
  const bool anything =
      state.clear_since_us > 0 || std::any_of(state.holds.begin(), state.holds.end(),
                                              [](const Active::Hold& h) { return h.since_us > 0; });
  if (anything) {
    boost::json::array holds;
    for (const auto& h : state.holds) holds.push_back(boost::json::array{h.since_us, h.again});
    text = json::to_text(boost::json::value(
        boost::json::object{{"holds", std::move(holds)}, {"clear_since", state.clear_since_us}}));
  }
  out.states[{rule.rule_id, device.facts.device_id}] = std::move(text);
}

void TenantEngine::decide(std::size_t r, Device& device, const Look& look, Decisions& out) {
  const auto& rule = rules_[r];
  const auto v = verdict(r, device, look);
  auto* state = known(device, r);
  if (v.state_changed) note_state(rule, device, *state, out);
  if (!v.known) return;
  if (v.fires || (state && state->open && v.still_broken)) {
    auto& s = active(device, r);
    if (s.clear_since_us != 0) {
      s.clear_since_us = 0;
      note_state(rule, device, s, out);
    }
    if (s.open || v.fires) open_or_repeat(r, device, s, v, look, out);
    return;
  }
  if (!state) return;
  state->not_before_us = 0;
  if (!state->open) return;
  if (rule.clear_after_s > 0) {
    if (state->clear_since_us == 0) {
      if (look.is_tick) return;  // only a sample says that it is over
      state->clear_since_us = look.at_us;
      note_state(rule, device, *state, out);
    }
    if (look.at_us - state->clear_since_us < rule.clear_after_s * second_us) return;
    state->clear_since_us = 0;
    note_state(rule, device, *state, out);
  }
  state->open = false;
  state->repeats = 0;
  Decision d;
  d.opens = false;
  d.recovery.tenant_id = tenant_;
  d.recovery.fingerprint = fingerprint_of(rule, device.facts.device_id);
  d.recovery.reason = "recovered";
  d.recovery.event_us = look.at_us;
  if (!v.metric.empty())
    d.recovery.details_json = json::to_text(boost::json::value(
        boost::json::object{{"metric_name", v.metric}, {"metric_value", v.value}}));
  out.list.push_back(std::move(d));
}

void TenantEngine::open_or_repeat(std::size_t r, Device& device, Active& state, const Verdict& v,
                                  const Look& look, Decisions& out) {
  const auto& rule = rules_[r];
  if (state.open) {
    // A tick sees the same sample again: only messages repeat.
    if (look.is_tick && rule.type != RuleType::telemetry_gap) return;
    if (!look.is_tick) ++state.repeats;
    const auto pause =
        v.value == state.told_value ? settings_.repeat_unchanged_us : settings_.repeat_changed_us;
    if (look.now_us - state.told_us < pause || state.repeats == 0) return;
  } else if (look.now_us < state.not_before_us) {
    return;
  }
  const int repeats = state.open ? state.repeats : 1;
  state.open = true;
  state.repeats = 0;
  state.told_us = look.now_us;
  state.told_value = v.value;
  Decision d;
  auto& f = d.finding;
  f.tenant_id = tenant_;
  f.device_id = device.facts.device_id;
  f.site_id = device.facts.site_id;
  f.device_type = device.facts.device_type;
  f.alert_type = alert_type_of(rule.type);
  f.fingerprint = fingerprint_of(rule, f.device_id);
  f.severity = rule.severity;
  f.summary = rule.name + ": " + v.summary;
  f.rule_id = rule.rule_id;
  f.escalation_policy_id = rule.escalation_policy_id;
  f.repeats = repeats;
  f.event_us = look.at_us;
  boost::json::object details = v.more;
  if (v.told) {
    details["operator"] = name_of(v.told->op);
    details["threshold"] = v.told->threshold;
  }
  details["rule_id"] = rule.rule_id;
  details["rule_name"] = rule.name;
  details["metric_name"] = v.metric;
  details["metric_value"] = v.value;
  details["match_mode"] = rule.any ? "any" : "all";
  boost::json::array conditions;
  for (const auto& c : rule.conditions) {
    boost::json::object o{{"metric_name", c.metric}};
    if (rule.type == RuleType::threshold || rule.type == RuleType::window) {
      o["operator"] = name_of(c.op);
      o["threshold"] = c.threshold;
    }
    if (c.duration_s > 0) o["duration_seconds"] = c.duration_s;
    conditions.push_back(std::move(o));
  }
  details["conditions"] = std::move(conditions);
  f.details_json = json::to_text(boost::json::value(std::move(details)));
  out.list.push_back(std::move(d));
}

}  // namespace pulse::alerting
