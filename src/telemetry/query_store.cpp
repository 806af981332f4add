#include <algorithm>
#include <map>

#include "platform/pg/rows.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

constexpr const char* row_columns = "time AS \"timestamp\", metrics, seq, msg_type";

/// A metric's value as a number; booleans count as 0 and 1, texts are skipped.
const std::string number_of_metric =
    "CASE jsonb_typeof(t.metrics -> m.metric) WHEN 'number' THEN (t.metrics ->> m.metric)::float8 "
    "WHEN 'boolean' THEN ((t.metrics ->> m.metric)::boolean)::integer::float8 END";

}  // namespace

Task<std::vector<Row>> rows_between(tenancy::TenantDb db, std::string device_id, Time start,
                                    Time end, std::int64_t limit) {
  const auto rows =
      co_await db.query(std::string("SELECT ") + row_columns +
                            " FROM telemetry WHERE device_id = $1 AND time >= $2 AND time <= $3 "
                            "ORDER BY time DESC LIMIT $4",
                        pg::Params::of(device_id, start.at, end.at, limit));
  co_return pg::rows_as<Row>(rows);
}

Task<std::vector<Row>> latest_rows(tenancy::TenantDb db, std::string device_id,
                                   std::int64_t count) {
  const auto rows =
      co_await db.query(std::string("SELECT ") + row_columns +
                            " FROM telemetry WHERE device_id = $1 ORDER BY time DESC LIMIT $2",
                        pg::Params::of(device_id, count));
  co_return pg::rows_as<Row>(rows);
}

Task<fleet::RecentMessages> recent_messages(tenancy::TenantDb db, std::string device_id) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(std::string("SELECT ") + row_columns +
                              " FROM telemetry WHERE device_id = $1 "
                              "AND time > now() - interval '24 hours' ORDER BY time DESC LIMIT 50",
                          pg::Params::of(device_id));
  statements.emplace_back(std::string("SELECT ") + row_columns +
                              " FROM telemetry WHERE device_id = $1 AND msg_type = 'telemetry' "
                              "AND time > now() - interval '6 hours' ORDER BY time DESC LIMIT 120",
                          pg::Params::of(device_id));
  const auto results = co_await db.batch(std::move(statements));
  fleet::RecentMessages out;
  out.events = pg::rows_as<Row>(results[0]);
  out.telemetry = pg::rows_as<Row>(results[1]);
  co_return out;
}

Task<std::vector<MetricInfo>> metrics_of(tenancy::TenantDb db, std::string device_id) {
  const auto rows = co_await db.query(
      "SELECT metric_key, display_name, unit, min_range, max_range, precision_digits "
      "FROM device_sensors WHERE device_id = $1 AND status = 'active' "
      "ORDER BY source = 'unmodeled', id",
      pg::Params::of(device_id));
  co_return pg::rows_as<MetricInfo>(rows);
}

SeriesPlan plan_series(std::int64_t span_s, std::int64_t points) {
  static constexpr std::int64_t round_lengths[] = {
      1,    2,    5,    10,    15,    30,    60,    120,    300,    600,    900,
      1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000};
  const auto needed = (span_s + points - 1) / std::max<std::int64_t>(points, 1);
  std::int64_t bucket = round_lengths[std::size(round_lengths) - 1];
  for (const auto length : round_lengths)
    if (length >= needed) {
      bucket = length;
      break;
    }
  SeriesPlan plan;
  plan.bucket_s = bucket;
  plan.source = bucket < 60 ? Source::raw : bucket < 3600 ? Source::minute : Source::hour;
  return plan;
}

Task<std::vector<std::vector<Point>>> series_of(tenancy::TenantDb db, std::string device_id,
                                                std::vector<std::string> metrics, Time start,
                                                Time end, SeriesPlan plan) {
  std::string sql;
  if (plan.source == Source::raw) {
    // A bucket with one sample keeps the sample's own time. What a sum could not hold is left out,
    // as it is of the rollups; avg() would overflow far earlier, since it sums squares, too.
    sql =
        "SELECT metric, CASE count WHEN 1 THEN first ELSE bin END AS time, avg, min, max, count "
        "FROM (SELECT metric, date_bin(make_interval(secs => $5), time, 'epoch') AS bin, "
        "min(time) AS first, sum(v) / count(*) AS avg, min(v) AS min, max(v) AS max, "
        "count(*) AS count "
        "FROM (SELECT m.metric, t.time, " +
        number_of_metric +
        " AS v FROM telemetry t CROSS JOIN unnest($2::text[]) AS m (metric) "
        "WHERE t.device_id = $1 AND t.time >= $3 AND t.time <= $4 AND t.metrics ? m.metric) s "
        "WHERE abs(v) <= 1e290 GROUP BY 1, 2) b ORDER BY 2";
  } else {
    const std::string table =
        plan.source == Source::minute ? "telemetry_rollup_1m" : "telemetry_rollup_1h";
    // Whole buckets: the first one begins at or before the start.
    sql =
        "SELECT metric, date_bin(make_interval(secs => $5), bucket, 'epoch') AS time, "
        "sum(sum) / sum(count) AS avg, min(min) AS min, max(max) AS max, "
        "sum(count)::bigint AS count FROM " +
        table +
        " WHERE device_id = $1 AND metric = ANY ($2::text[]) "
        "AND bucket >= date_bin(make_interval(secs => $5), $3::timestamptz, 'epoch') "
        "AND bucket <= $4 GROUP BY 1, 2 ORDER BY 2";
  }
  const auto rows = co_await db.query(
      std::move(sql), pg::Params::of(device_id, metrics, start.at, end.at, plan.bucket_s));
  std::map<std::string, std::size_t, std::less<>> place;
  for (std::size_t i = 0; i < metrics.size(); ++i) place.emplace(metrics[i], i);
  std::vector<std::vector<Point>> out(metrics.size());
  const auto columns = pg::columns_of<Point>(rows);
  for (int i = 0; i < rows.rows(); ++i)
    if (const auto it = place.find(rows.text(i, 0)); it != place.end())
      pg::read_row(rows, i, columns, out[it->second].emplace_back());
  for (std::size_t i = 0; i < metrics.size(); ++i)  // asked for twice, answered twice
    if (const auto first = place.at(metrics[i]); first != i) out[i] = out[first];
  co_return out;
}

Task<std::vector<std::string>> metric_names(tenancy::TenantDb db, std::string device_id, Time start,
                                            std::int64_t limit) {
  const auto rows = co_await db.query(
      "SELECT DISTINCT key FROM (SELECT metrics FROM telemetry WHERE device_id = $1 "
      "AND time >= $2 ORDER BY time DESC LIMIT $3) t, jsonb_object_keys(t.metrics) key",
      pg::Params::of(device_id, start.at, limit));
  std::vector<std::string> out;
  for (int i = 0; i < rows.rows(); ++i) out.emplace_back(rows.text(i, 0));
  std::sort(out.begin(), out.end());
  co_return out;
}

}  // namespace pulse::telemetry
