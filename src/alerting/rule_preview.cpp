#include "alerting/rule_preview.hpp"

#include <algorithm>

namespace pulse::alerting {

namespace {
constexpr std::int64_t second_us = 1'000'000;
// What time decides is looked at so often at most; evaluators do it each second.
constexpr std::int64_t ticks = 20'000;

std::vector<MetricMapping> drawn(const Rule& rule, const std::vector<MetricMapping>& mappings,
                                 const std::vector<SensorTarget>& sensors,
                                 const std::string& device_id) {
  std::vector<std::string> metrics;
  const auto& s = rule.scope;
  if (s.sensor_id || s.sensor_type) {
    for (const auto& t : sensors)
      if (t.device_id == device_id &&
          (s.sensor_id ? t.sensor_id == *s.sensor_id : t.sensor_type == *s.sensor_type))
        metrics.push_back(t.metric);
  } else {
    metrics.push_back(rule.conditions.front().metric);
  }
  std::vector<MetricMapping> out;
  for (const auto& metric : metrics) {
    MetricMapping itself;
    itself.raw = itself.normalized = metric;
    out.push_back(std::move(itself));
    for (const auto& m : mappings)
      if (m.normalized == metric && m.raw != metric) out.push_back(m);
  }
  // Of several that a message has the first by name is drawn, as it is judged.
  std::stable_sort(out.begin(), out.end(),
                   [](const MetricMapping& a, const MetricMapping& b) { return a.raw < b.raw; });
  return out;
}
}  // namespace

RuleReplay::RuleReplay(const Rule& rule, const std::vector<MetricMapping>& mappings,
                       const std::vector<SensorTarget>& sensors, RuledDevice device,
                       std::int64_t from_us, std::int64_t to_us)
    : device_id_(device.device_id),
      from_us_(from_us),
      to_us_(to_us),
      step_us_(std::max(10 * second_us, (to_us - from_us) / ticks)),
      ticked_us_(from_us),
      engine_("", {rule}, mappings, sensors, EngineSettings()),
      shown_(drawn(rule, mappings, sensors, device.device_id)),
      seen_(buckets) {
  engine_.put_device(std::move(device));
}

void RuleReplay::message(std::int64_t at_us, const boost::json::object& metrics) {
  tick_until(at_us);
  Decisions decisions;
  engine_.judge(device_id_, at_us, metrics, at_us, decisions);
  take(decisions, at_us);
  see(at_us, metrics);
  ++messages_;
}

void RuleReplay::finish() { tick_until(to_us_); }

void RuleReplay::tick_until(std::int64_t at_us) {
  Decisions decisions;
  while (ticked_us_ + step_us_ <= at_us) {
    ticked_us_ += step_us_;
    engine_.tick(ticked_us_, decisions);
    take(decisions, ticked_us_);
  }
}

void RuleReplay::take(Decisions& decisions, std::int64_t at_us) {
  for (auto& d : decisions.list) {
    if (d.opens == open_) continue;  // a repeat
    open_ = d.opens;
    if (open_) {
      WouldBe alert;
      alert.from_us = at_us;
      alert.summary = std::move(d.finding.summary);
      alerts_.push_back(std::move(alert));
    } else {
      alerts_.back().to_us = at_us;
    }
  }
  decisions.list.clear();
  decisions.states.clear();
}

void RuleReplay::see(std::int64_t at_us, const boost::json::object& metrics) {
  for (const auto& m : shown_) {
    const auto* v = metrics.if_contains(m.raw);
    if (!v || !(v->is_number() || v->is_bool())) continue;
    const double raw = v->is_bool() ? (v->get_bool() ? 1 : 0) : v->to_number<double>();
    const double value = raw * m.multiplier + m.offset;
    const auto at = static_cast<std::size_t>(std::clamp<std::int64_t>(
        (at_us - from_us_) * static_cast<std::int64_t>(buckets) / (to_us_ - from_us_), 0,
        static_cast<std::int64_t>(buckets) - 1));
    auto& bucket = seen_[at];
    bucket.min = bucket.count == 0 ? value : std::min(bucket.min, value);
    bucket.max = bucket.count == 0 ? value : std::max(bucket.max, value);
    bucket.sum += value;
    ++bucket.count;
    return;
  }
}

}  // namespace pulse::alerting
