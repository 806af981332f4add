#pragma once
// Reading telemetry: rows, latest values, series from rollups or raw rows to a point budget,
// messages with their stages.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fleet/deps.hpp"
#include "telemetry/query_metrics.hpp"
#include "tenancy/caller.hpp"

namespace pulse::telemetry {

using Row = fleet::RecentMessage;

/// Newest first. With `metrics` those messages that have one of them, with these values alone; the
/// latest of them then go back a week.
Task<std::vector<Row>> rows_between(tenancy::TenantDb db, std::string device_id, Time start,
                                    Time end, std::int64_t limit, std::vector<NamedMetric> metrics);
Task<std::vector<Row>> latest_rows(tenancy::TenantDb db, std::string device_id, std::int64_t count,
                                   std::vector<NamedMetric> metrics);
/// For the device page: the last 24 h (50) and of these telemetry of the last 6 h (120).
Task<fleet::RecentMessages> recent_messages(tenancy::TenantDb db, std::string device_id);

/// Active sensors.
struct MetricInfo {
  std::string metric_key, display_name;
  std::optional<std::string> unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
};
BOOST_DESCRIBE_STRUCT(MetricInfo, (),
                      (metric_key, display_name, unit, min_range, max_range, precision_digits))
Task<std::vector<MetricInfo>> metrics_of(tenancy::TenantDb db, std::string device_id);

/// A bucket of a series. For a single raw sample `time` is the sample's own.
struct Point {
  Time time;
  std::optional<double> avg, min, max;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Point, (), (time, avg, min, max, count))

/// Where a series is read from, and in which buckets.
enum class Source { raw, minute, hour };
struct SeriesPlan {
  Source source = Source::minute;
  std::int64_t bucket_s = 60;
};

/// The finest plan whose points fit the budget: raw rows below a minute, one-minute rollups below
/// an hour, one-hour rollups above; buckets of a round length.
SeriesPlan plan_series(std::int64_t span_s, std::int64_t points);

/// Points of each metric, oldest first; values that are no numbers are skipped. Of a metric with
/// several sources the first one that has a value counts: in each message where raw rows are read,
/// else in each minute or hour of the rollups.
Task<std::vector<std::vector<Point>>> series_of(tenancy::TenantDb db, std::string device_id,
                                                std::vector<NamedMetric> metrics, Time start,
                                                Time end, SeriesPlan plan);

/// A message's stages: when it was received and stored, or why it was not.
struct TracedMessage {
  std::string id;
  Time received_at;
  std::optional<Time> stored_at;
  Time time;
  std::string msg_type;
  std::int64_t seq = 0;
  std::string status;  ///< stored, quarantined or dead_letter
  std::optional<std::string> reason;
  std::optional<double> latency_ms;  ///< received to stored
  json::Raw metrics;
};
BOOST_DESCRIBE_STRUCT(TracedMessage, (),
                      (id, received_at, stored_at, time, msg_type, seq, status, reason, latency_ms,
                       metrics))
/// A place in a device's message log, whose order is that of arrival.
struct MessageCursor {
  Time received_at;
  char kind = 's';  ///< of the id: s(tored), q(uarantined), d(ead letter)
  std::int64_t number = 0;
};
/// As text that needs no quoting in a URL.
std::string to_text(const MessageCursor& cursor);
MessageCursor cursor_of(const TracedMessage& message);
/// From its text, or from an instant in ISO 8601: just before it. Nothing when it is neither.
std::optional<MessageCursor> parse_cursor(std::string_view text);

/// Newest arrival first, those after `after` in that order (that is, older ones).
Task<std::vector<TracedMessage>> traced_messages(tenancy::TenantDb db, std::string device_id,
                                                 std::optional<MessageCursor> after,
                                                 std::int64_t limit);

/// Names of the metrics in the newest `limit` rows since `start`, sorted.
Task<std::vector<std::string>> metric_names(tenancy::TenantDb db, std::string device_id, Time start,
                                            std::int64_t limit);

void mount_queries(http::Router& api);
void mount_export(http::Router& api);

}  // namespace pulse::telemetry
