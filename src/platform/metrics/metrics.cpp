#include "platform/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <sstream>

namespace pulse::metrics {

struct Registry::Impl {
  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::string, prometheus::Family<prometheus::Counter>*> counters;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauges;
  std::map<std::string, prometheus::Family<prometheus::Histogram>*> histograms;
  std::map<std::string, std::map<Labels, prometheus::Gauge*>> replaceable;
  std::vector<std::function<void(Registry&)>> refreshers;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

void Registry::count(const std::string& name, const std::string& help, const Labels& labels,
                     double by) {
  const std::lock_guard lock(impl_->mutex);
  auto& family = impl_->counters[name];
  if (!family) family = &prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  family->Add(labels).Increment(by);
}

void Registry::observe(const std::string& name, const std::string& help, const Labels& labels,
                       double seconds) {
  static const prometheus::Histogram::BucketBoundaries bounds{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
  const std::lock_guard lock(impl_->mutex);
  auto& family = impl_->histograms[name];
  if (!family)
    family = &prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  family->Add(labels, bounds).Observe(seconds);
}

void Registry::set(const std::string& name, const std::string& help, const Labels& labels,
                   double value) {
  const std::lock_guard lock(impl_->mutex);
  auto& family = impl_->gauges[name];
  if (!family) family = &prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  family->Add(labels).Set(value);
}

void Registry::replace(const std::string& name, const std::string& help,
                       const std::map<Labels, double>& series) {
  const std::lock_guard lock(impl_->mutex);
  auto& family = impl_->gauges[name];
  if (!family) family = &prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  auto& known = impl_->replaceable[name];
  for (const auto& [labels, value] : series) {
    auto& gauge = known[labels];
    if (!gauge) gauge = &family->Add(labels);
    gauge->Set(value);
  }
  std::erase_if(known, [&](const auto& entry) {
    if (series.contains(entry.first)) return false;
    family->Remove(entry.second);
    return true;
  });
}

void Registry::on_scrape(std::function<void(Registry&)> refresh) {
  const std::lock_guard lock(impl_->mutex);
  impl_->refreshers.push_back(std::move(refresh));
}

std::string Registry::text() {
  std::vector<std::function<void(Registry&)>> refreshers;
  {
    const std::lock_guard lock(impl_->mutex);
    refreshers = impl_->refreshers;
  }
  for (const auto& f : refreshers) f(*this);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace pulse::metrics
