#pragma once
// A rule at work on what one device sent before: when it would have opened an alert.
#include <optional>
#include <string>
#include <vector>

#include "alerting/engine.hpp"

namespace pulse::alerting {

/// From when to when an alert would have been open.
struct WouldBe {
  std::int64_t from_us = 0;
  std::optional<std::int64_t> to_us;  ///< none: it still is at the end
  std::string summary;
};

/// The device's values as the rule sees them, in buckets of one length.
struct SeenBucket {
  double sum = 0, min = 0, max = 0;
  std::int64_t count = 0;
};

/// Takes the messages of one device in the order of their times.
class RuleReplay {
 public:
  static constexpr std::size_t buckets = 300;
  RuleReplay(const Rule& rule, const std::vector<MetricMapping>& mappings,
             const std::vector<SensorTarget>& sensors, RuledDevice device, std::int64_t from_us,
             std::int64_t to_us);
  void message(std::int64_t at_us, const boost::json::object& metrics);
  /// What time alone decides until the end.
  void finish();

  /// Raw names whose values are wanted.
  std::vector<std::string> raw_metrics() const { return engine_.raw_metrics(); }
  const std::vector<WouldBe>& alerts() const { return alerts_; }
  const std::vector<SeenBucket>& seen() const { return seen_; }
  std::int64_t messages() const { return messages_; }

 private:
  void tick_until(std::int64_t at_us);
  void take(Decisions& decisions, std::int64_t at_us);
  void see(std::int64_t at_us, const boost::json::object& metrics);

  std::string device_id_;
  std::int64_t from_us_, to_us_, step_us_, ticked_us_;
  TenantEngine engine_;
  std::vector<MetricMapping> shown_;  // raw metrics that are drawn
  bool open_ = false;
  std::vector<WouldBe> alerts_;
  std::vector<SeenBucket> seen_;
  std::int64_t messages_ = 0;
};

}  // namespace pulse::alerting
