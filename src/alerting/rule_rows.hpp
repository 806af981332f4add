#pragma once
// Rules as they are stored, read for whoever judges by them: evaluators and the preview.
#include "alerting/engine.hpp"
#include "platform/pg/types.hpp"

namespace pulse::alerting {

/// What `rule_of` reads of a row of alert_rules.
inline constexpr const char* rule_columns = R"sql(
  rule_id::text AS rule_id, name, rule_type, conditions::text AS conditions, match_mode,
  metric_name, operator, threshold, severity, duration_seconds, duration_minutes, aggregation,
  window_seconds, clear_threshold, clear_after_seconds, site_ids, group_ids, device_group_id,
  device_type, sensor_id, sensor_type, escalation_policy_id,
  (extract(epoch FROM created_at) * 1000000)::bigint AS created_us
)sql";

/// Throws std::invalid_argument when the row says nothing that can be judged.
Rule rule_of(const pg::Result& rows, int row);
/// Of columns raw_metric, normalized_name, multiplier, offset_value.
std::vector<MetricMapping> mappings_of(const pg::Result& rows);
/// Of columns id, device_id, metric_key, sensor_type.
std::vector<SensorTarget> sensors_of(const pg::Result& rows);

}  // namespace pulse::alerting
