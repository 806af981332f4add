#pragma once
// What a rule remembers of a metric on a device, by event time. No I/O.
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "alerting/rule.hpp"

namespace pulse::alerting {

/// The samples of the last while, for windows.
class SampleTrack {
 public:
  explicit SampleTrack(std::int64_t keep_us) : keep_us_(keep_us) {}
  void keep_at_least(std::int64_t us) { keep_us_ = std::max(keep_us_, us); }
  /// A sample of a time that is there already is left out: it came again.
  void add(std::int64_t at_us, double value);
  /// Over the samples in (end - window, end]; nothing when there are less than two.
  std::optional<double> over(Aggregation aggregation, std::int64_t end_us,
                             std::int64_t window_us) const;
  bool empty() const { return samples_.empty(); }
  std::int64_t newest_us() const { return samples_.empty() ? 0 : samples_.back().at_us; }
  std::size_t size() const { return samples_.size(); }

 private:
  static constexpr std::size_t most = 20'000;  // beyond it the oldest go
  struct Sample {
    std::int64_t at_us;
    double value;
  };
  std::int64_t keep_us_;
  std::deque<Sample> samples_;
};

/// Count, mean and sum of squared deviations, mergeable (Chan, Golub and LeVeque, 1979).
struct Moments {
  std::int64_t count = 0;
  double mean = 0, m2 = 0;
  void add(double value);
  void merge(const Moments& other);
  /// Takes out a value that is in.
  void remove(double value);
  /// Of a sample (n - 1); 0 below two values.
  double stddev() const;
};

/// Moments of the last while in 60 buckets: a window slides by a sixtieth of its length.
class MomentTrack {
 public:
  explicit MomentTrack(std::int64_t window_us)
      : bucket_us_(std::max<std::int64_t>(1, window_us / 60)) {}
  void add(std::int64_t at_us, double value);
  void add_bucket(std::int64_t start_us, const Moments& moments);
  Moments over(std::int64_t end_us) const;
  std::int64_t bucket_us() const { return bucket_us_; }

 private:
  std::int64_t bucket_us_;
  struct Bucket {
    std::int64_t number = 0;
    Moments moments;
  };
  std::vector<Bucket> buckets_;  // sorted by number; at most 61
};

}  // namespace pulse::alerting
