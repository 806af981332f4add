#pragma once
// Names of metrics: other names and units for what devices send, and what is known of each.
// Tables: normalized_metrics, metric_mappings, metric_catalog.
#include <optional>
#include <string>
#include <vector>

#include "alerting/deps.hpp"
#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/json/read.hpp"

namespace pulse::alerting {

struct NormalizedMetric {
  std::string normalized_name;
  std::optional<std::string> display_unit, description;
  std::optional<double> expected_min, expected_max;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetric, (),
                      (normalized_name, display_unit, description, expected_min, expected_max,
                       created_at, updated_at))

struct MetricMappingRow {
  std::string raw_metric, normalized_name;
  double multiplier = 1, offset_value = 0;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(MetricMappingRow, (),
                      (raw_metric, normalized_name, multiplier, offset_value, created_at))

struct CatalogMetric {
  std::string metric_name;
  std::optional<std::string> description, unit;
  std::optional<double> expected_min, expected_max;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(CatalogMetric, (),
                      (metric_name, description, unit, expected_min, expected_max, created_at,
                       updated_at))

struct DeletedMetricName {
  std::string name;
  bool deleted = true;
};
BOOST_DESCRIBE_STRUCT(DeletedMetricName, (), (name, deleted))

/// Names of metrics belong to who administers the tenant, and to its service accounts with the
/// permission. Throws HttpError 403.
void require_administrator(const tenancy::TenantCaller& caller);

/// Throws HttpError 400 "expected_min must be <= expected_max".
inline void check_bounds(const std::optional<double>& min, const std::optional<double>& max) {
  if (min && max && *min > *max) throw bad_request("expected_min must be <= expected_max");
}

/// Without blanks around, and without control characters; nothing where that leaves none.
std::optional<std::string> metric_word(const std::string& text);

}  // namespace pulse::alerting
