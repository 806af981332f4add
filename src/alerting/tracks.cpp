#include "alerting/tracks.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::alerting {

void SampleTrack::add(std::int64_t at_us, double value) {
  const auto place =
      std::lower_bound(samples_.begin(), samples_.end(), at_us,
                       [](const Sample& s, std::int64_t at) { return s.at_us < at; });
  if (place != samples_.end() && place->at_us == at_us) return;
  samples_.insert(place, Sample{at_us, value});
  while (samples_.size() > most || samples_.front().at_us <= samples_.back().at_us - keep_us_)
    samples_.pop_front();
}

std::optional<double> SampleTrack::over(Aggregation aggregation, std::int64_t end_us,
                                        std::int64_t window_us) const {
  const auto first =
      std::upper_bound(samples_.begin(), samples_.end(), end_us - window_us,
                       [](std::int64_t at, const Sample& s) { return at < s.at_us; });
  const auto last = std::upper_bound(first, samples_.end(), end_us,
                                     [](std::int64_t at, const Sample& s) { return at < s.at_us; });
  const auto count = last - first;
  if (count < 2) return std::nullopt;
  double sum = 0, least = first->value, most_value = first->value;
  for (auto s = first; s != last; ++s) {
    sum += s->value;
    least = std::min(least, s->value);
    most_value = std::max(most_value, s->value);
  }
  switch (aggregation) {
    case Aggregation::avg:
      return sum / static_cast<double>(count);
    case Aggregation::min:
      return least;
    case Aggregation::max:
      return most_value;
    case Aggregation::sum:
      return sum;
    case Aggregation::count:
      return static_cast<double>(count);
    case Aggregation::p95:
      break;
  }
  // Between the neighbours, as percentile_cont of PostgreSQL does.
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(count));
  for (auto s = first; s != last; ++s) values.push_back(s->value);
  std::sort(values.begin(), values.end());
  const double at = 0.95 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= values.size()) return values.back();
  const double part = at - static_cast<double>(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

void Moments::add(double value) {
  ++count;
  const double delta = value - mean;
  mean += delta / static_cast<double>(count);
  m2 += delta * (value - mean);
}

void Moments::merge(const Moments& o) {
  if (o.count == 0) return;
  const double delta = o.mean - mean;
  const auto n = static_cast<double>(count), k = static_cast<double>(o.count);
  m2 += o.m2 + delta * delta * n * k / (n + k);
  mean += delta * k / (n + k);
  count += o.count;
}

void Moments::remove(double value) {
  if (count <= 1) {
    *this = {};
    return;
  }
  const auto n = static_cast<double>(count);
  const double without = (mean * n - value) / (n - 1);
  m2 = std::max(0.0, m2 - (value - mean) * (value - without));
  mean = without;
  --count;
}

double Moments::stddev() const {
  return count < 2 ? 0 : std::sqrt(m2 / static_cast<double>(count - 1));
}

void MomentTrack::add(std::int64_t at_us, double value) {
  Moments one;
  one.add(value);
  add_bucket(at_us, one);
}

void MomentTrack::add_bucket(std::int64_t start_us, const Moments& moments) {
  const auto number = start_us / bucket_us_;
  const auto place = std::lower_bound(buckets_.begin(), buckets_.end(), number,
                                      [](const Bucket& b, std::int64_t n) { return b.number < n; });
  if (place != buckets_.end() && place->number == number)
    place->moments.merge(moments);
  else
    buckets_.insert(place, Bucket{number, moments});
  while (buckets_.front().number < buckets_.back().number - 60) buckets_.erase(buckets_.begin());
}

Moments MomentTrack::over(std::int64_t end_us) const {
  const auto last = end_us / bucket_us_;
  Moments out;
  for (const auto& b : buckets_)
    if (b.number > last - 60 && b.number <= last) out.merge(b.moments);
  return out;
}

}  // namespace pulse::alerting
