#pragma once
// Metrics as queries name them: as devices send them, or normalized (value x multiplier + offset).
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tenancy/caller.hpp"

namespace pulse::telemetry {

/// A raw metric that is read for a name.
struct MetricSource {
  std::string raw;
  double multiplier = 1, offset = 0;
};

/// What a query calls a metric. Its sources are the metric that devices send by that very name and
/// the raw ones mapped to it, in the order in which they count: that of their names' bytes. Where a
/// message has several of them the first counts alone, as it does for rules.
struct NamedMetric {
  std::string name, display_name;
  std::optional<std::string> unit;  ///< of the device's sensor, else the normalized one's
  std::optional<double> min_range, max_range;  ///< likewise
  std::int64_t precision_digits = 2;
  std::vector<MetricSource> sources;  ///< one, or more where the name is a normalized metric's
};

/// In the order of `names`, each once; what nobody knows is read by its name.
Task<std::vector<NamedMetric>> named_metrics(tenancy::TenantDb db, std::string device_id,
                                             std::vector<std::string> names);

/// The raw names of all, each once.
std::vector<std::string> raw_names(const std::vector<NamedMetric>& metrics);

/// Of a stored message what `metrics` name: raw values as they came, mapped ones as numbers;
/// what is missing, no number, or too large once mapped is left out.
boost::json::object named_values(const std::vector<NamedMetric>& metrics,
                                 const boost::json::object& message);

}  // namespace pulse::telemetry
