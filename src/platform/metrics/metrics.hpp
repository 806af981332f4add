#pragma once
// Metrics (Prometheus text format). Counters are counted where things happen; gauges are read when
// somebody looks, from sources that are cheap to read.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pulse::metrics {

using Labels = std::map<std::string, std::string>;

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;

  /// Adds to a counter; thread-safe.
  void count(const std::string& name, const std::string& help, const Labels& labels, double by = 1);
  /// Observes a duration in seconds; buckets from 0.5 ms to 10 s; thread-safe.
  void observe(const std::string& name, const std::string& help, const Labels& labels,
               double seconds);
  /// Sets a gauge; thread-safe.
  void set(const std::string& name, const std::string& help, const Labels& labels, double value);
  /// Sets all series of a gauge; those of an earlier call that are not among them end. Thread-safe.
  void replace(const std::string& name, const std::string& help,
               const std::map<Labels, double>& series);
  /// Called before each exposition, to set gauges.
  void on_scrape(std::function<void(Registry&)> refresh);
  /// The text exposition format, version 0.0.4.
  std::string text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pulse::metrics
