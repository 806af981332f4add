#include "telemetry/query_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "platform/pg/rows.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

// A raw metric of the normalized one's own name counts as it came, so a mapping of it says nothing.
constexpr const char* select_sources = R"sql(
  SELECT normalized_name, raw_metric, multiplier, offset_value FROM metric_mappings
  WHERE normalized_name = ANY ($1::text[]) AND raw_metric <> normalized_name
)sql";
constexpr const char* select_normalized = R"sql(
  SELECT normalized_name, display_unit, expected_min, expected_max FROM normalized_metrics
  WHERE normalized_name = ANY ($1::text[])
)sql";
constexpr const char* select_sensors = R"sql(
  SELECT metric_key, display_name, unit, min_range, max_range, precision_digits FROM device_sensors
  WHERE device_id = $1 AND status = 'active' AND metric_key = ANY ($2::text[])
)sql";

struct SourceRow {
  std::string normalized_name, raw_metric;
  double multiplier = 1, offset_value = 0;
};
BOOST_DESCRIBE_STRUCT(SourceRow, (), (normalized_name, raw_metric, multiplier, offset_value))
struct NormalizedRow {
  std::string normalized_name;
  std::optional<std::string> display_unit;
  std::optional<double> expected_min, expected_max;
};
BOOST_DESCRIBE_STRUCT(NormalizedRow, (),
                      (normalized_name, display_unit, expected_min, expected_max))

std::optional<double> number(const boost::json::value& v) {
  if (v.is_bool()) return v.get_bool() ? 1 : 0;
  if (v.is_number()) return v.to_number<double>();
  return std::nullopt;
}

}  // namespace

Task<std::vector<NamedMetric>> named_metrics(tenancy::TenantDb db, std::string device_id,
                                             std::vector<std::string> names) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(select_sources, pg::Params::of(names));
  statements.emplace_back(select_normalized, pg::Params::of(names));
  statements.emplace_back(select_sensors, pg::Params::of(device_id, names));
  const auto rows = co_await db.batch(std::move(statements));
  const auto sources = pg::rows_as<SourceRow>(rows[0]);
  const auto normalized = pg::rows_as<NormalizedRow>(rows[1]);
  const auto sensors = pg::rows_as<MetricInfo>(rows[2]);
  std::vector<NamedMetric> out;
  std::set<std::string_view> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second) continue;
    NamedMetric m;
    m.name = m.display_name = name;
    m.sources.push_back({name, 1, 0});
    for (const auto& s : sources)
      if (s.normalized_name == name)
        m.sources.push_back({s.raw_metric, s.multiplier, s.offset_value});
    std::sort(m.sources.begin(), m.sources.end(),
              [](const MetricSource& a, const MetricSource& b) { return a.raw < b.raw; });
    for (const auto& n : normalized) {
      if (n.normalized_name != name) continue;
      m.unit = n.display_unit;
      m.min_range = n.expected_min;
      m.max_range = n.expected_max;
    }
    for (const auto& s : sensors) {
      if (s.metric_key != name) continue;
      m.display_name = s.display_name;
      if (s.unit) m.unit = s.unit;
      if (s.min_range) m.min_range = s.min_range;
      if (s.max_range) m.max_range = s.max_range;
      m.precision_digits = s.precision_digits;
    }
    out.push_back(std::move(m));
  }
  co_return out;
}

std::vector<std::string> raw_names(const std::vector<NamedMetric>& metrics) {
  std::set<std::string> names;
  for (const auto& m : metrics)
    for (const auto& source : m.sources) names.insert(source.raw);
  return {names.begin(), names.end()};
}

boost::json::object named_values(const std::vector<NamedMetric>& metrics,
                                 const boost::json::object& message) {
  boost::json::object out;
  for (const auto& m : metrics) {
    for (const auto& source : m.sources) {
      const auto* v = message.if_contains(source.raw);
      if (!v) continue;
      const auto raw = number(*v);
      const bool itself = source.raw == m.name;
      if (itself) out[m.name] = *v;  // a text too, where no source has a number
      if (!raw) continue;
      const double mapped = *raw * source.multiplier + source.offset;
      if (!itself && std::isfinite(mapped)) out[m.name] = mapped;
      break;
    }
  }
  return out;
}

}  // namespace pulse::telemetry
