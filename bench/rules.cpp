// What rules cost in memory: a tick over all devices, and one message of a device.
#include "alerting/engine.hpp"
#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/json/read.hpp"

namespace pulse::bench {

namespace {

constexpr std::int64_t second_us = 1'000'000;

/// Limits, durations, windows and gaps in equal parts, over ten metrics.
std::vector<alerting::Rule> mixed_rules(std::int64_t n) {
  std::vector<alerting::Rule> out;
  for (std::int64_t i = 0; i < n; ++i) {
    alerting::Rule r;
    r.rule_id = "rule-" + std::to_string(i);
    r.name = r.rule_id;
    alerting::Condition c;
    c.metric = "metric_" + std::to_string(i % 10);
    c.threshold = 1e9;
    if (i % 4 == 1) c.duration_s = 300;
    if (i % 4 == 2) {
      r.type = alerting::RuleType::window;
      r.window_s = 300;
    }
    if (i % 4 == 3) {
      r.type = alerting::RuleType::telemetry_gap;
      r.gap_s = 3'600;
    }
    r.conditions.push_back(std::move(c));
    out.push_back(std::move(r));
  }
  return out;
}

std::string device_name(std::int64_t i) { return "device-" + std::to_string(i); }

}  // namespace

Report bench_rules(const Args& args) {
  const auto devices = args.number("devices", 10'000), rules = args.number("rules", 100);
  const auto start = to_us(now()) - 300 * second_us;
  alerting::TenantEngine engine("bench", mixed_rules(rules), {}, {}, {});
  for (std::int64_t i = 0; i < devices; ++i) {
    alerting::RuledDevice d;
    d.device_id = device_name(i);
    d.created_us = start;
    engine.put_device(std::move(d));
  }
  std::string text = "{";
  for (int m = 0; m < 10; ++m)
    text += (m ? ",\"metric_" : "\"metric_") + std::to_string(m) + "\":" + std::to_string(m) + ".5";
  const auto metrics = json::parse_text(text + "}");
  alerting::Decisions decisions;
  // A window's worth of samples: one in ten seconds, for five minutes.
  std::int64_t messages = 0, judging_us = 0;
  for (std::int64_t at = start; at < start + 300 * second_us; at += 10 * second_us) {
    const auto begun = steady_us();
    for (std::int64_t i = 0; i < devices; ++i, ++messages)
      engine.judge(device_name(i), at, metrics.get_object(), at, decisions);
    judging_us += steady_us() - begun;
  }
  simulator::Histogram ticks;
  for (int i = 0; i < 10; ++i) {
    const auto begun = steady_us();
    engine.tick(start + (300 + i) * second_us, decisions);
    ticks.add(steady_us() - begun);
  }
  Report out = latencies(ticks);
  out["devices"] = devices;
  out["rules"] = rules;
  out["us_a_message"] = static_cast<double>(judging_us) / static_cast<double>(messages);
  out["judged_per_second"] = static_cast<double>(messages) * 1e6 /
                             static_cast<double>(std::max<std::int64_t>(1, judging_us));
  out["decisions"] = decisions.list.size();  // none: nothing is broken
  return out;
}

}  // namespace pulse::bench
