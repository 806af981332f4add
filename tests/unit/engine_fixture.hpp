#pragma once
// Rules, and a device that they are asked about.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "alerting/engine.hpp"
#include "platform/json/read.hpp"

namespace pulse::alerting::engine_tests {

inline constexpr std::int64_t s = 1'000'000;
inline constexpr std::int64_t start = 1'800'000'000 * s;

inline Rule limit(double threshold, std::int64_t duration_s = 0) {
  Rule r;
  r.rule_id = "r1";
  r.name = "Hot";
  Condition c;
  c.metric = "temp_c";
  c.op = Operator::gt;
  c.threshold = threshold;
  c.duration_s = duration_s;
  r.conditions.push_back(c);
  return r;
}

inline Rule window_rule(Aggregation aggregation, double threshold) {
  auto r = limit(threshold);
  r.type = RuleType::window;
  r.aggregation = aggregation;
  r.window_s = 60;
  return r;
}

/// One device under some rules; each call answers what was decided by it: "+" opens or repeats,
/// "-" clears.
struct Bench {
  explicit Bench(std::vector<Rule> rules, std::vector<MetricMapping> mappings = {},
                 std::vector<SensorTarget> sensors = {})
      : engine("t", std::move(rules), std::move(mappings), std::move(sensors), {}) {
    RuledDevice d;
    d.device_id = "d";
    d.site_id = "berlin";
    d.device_type = "probe";
    d.created_us = start;
    engine.put_device(d);
  }
  std::string say(std::int64_t at_s, const std::string& metrics) {
    return text([&](Decisions& out) {
      engine.judge("d", start + at_s * s, json::parse_text(metrics).get_object(), start + at_s * s,
                   out);
    });
  }
  std::string temp(std::int64_t at_s, double v) {
    return say(at_s, "{\"temp_c\":" + std::to_string(v) + "}");
  }
  std::string settle(std::int64_t at_s) {
    return text([&](Decisions& out) {
      engine.settle([](const std::string&) { return true; }, start + at_s * s, out);
    });
  }
  std::string tick(std::int64_t at_s) {
    return text([&](Decisions& out) { engine.tick(start + at_s * s, out); });
  }
  template <class F>
  std::string text(F f) {
    last = {};
    f(last);
    std::string out;
    for (const auto& d : last.list) out += d.opens ? '+' : '-';
    return out;
  }
  TenantEngine engine;
  Decisions last;
};

inline Rule gap_rule() {
  auto r = limit(0);
  r.type = RuleType::telemetry_gap;
  r.gap_s = 600;
  r.created_us = start + 100 * s;
  return r;
}

}  // namespace pulse::alerting::engine_tests
