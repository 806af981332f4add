#include <algorithm>

#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

constexpr const char* row_columns = "time AS \"timestamp\", metrics, seq, msg_type";

/// Reads rows where all of `where` is true.
Task<std::vector<Row>> newest_rows(tenancy::TenantDb db, pg::Clauses where, std::int64_t limit,
                                   const std::vector<NamedMetric>& metrics) {
  if (!metrics.empty()) where.add("jsonb_exists_any(metrics, ?::text[])", raw_names(metrics));
  const auto rows =
      co_await db.query(std::string("SELECT ") + row_columns + " FROM telemetry" + where.where() +
                            " ORDER BY time DESC LIMIT " + std::to_string(limit),
                        where.params());
  auto out = pg::rows_as<Row>(rows);
  if (!metrics.empty())
    for (auto& row : out) {
      const auto message = boost::json::parse(row.metrics.text);
      row.metrics.text =
          json::to_text(boost::json::value(named_values(metrics, message.get_object())));
    }
  co_return out;
}

}  // namespace

Task<std::vector<Row>> rows_between(tenancy::TenantDb db, std::string device_id, Time start,
                                    Time end, std::int64_t limit,
                                    std::vector<NamedMetric> metrics) {
  pg::Clauses where(" AND ");
  where.add("device_id = ?", device_id);
  where.add("time >= ?", start.at);
  where.add("time <= ?", end.at);
  co_return co_await newest_rows(db, std::move(where), limit, metrics);
}

Task<std::vector<Row>> latest_rows(tenancy::TenantDb db, std::string device_id, std::int64_t count,
                                   std::vector<NamedMetric> metrics) {
  pg::Clauses where(" AND ");
  where.add("device_id = ?", device_id);
  // What was never sent is not looked for in all that there is.
  if (!metrics.empty()) where.add("time > now() - interval '7 days'");
  co_return co_await newest_rows(db, std::move(where), count, metrics);
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
