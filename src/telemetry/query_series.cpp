// Series of metrics in buckets: from raw rows, or from rollups.
#include <algorithm>
#include <cmath>

#include "platform/pg/rows.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

/// What one source has in one bucket, as it was sent.
struct Slice {
  std::int64_t source = 0;  ///< from 1
  Time bin, first;
  double avg = 0, min = 0, max = 0;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Slice, (), (source, bin, first, avg, min, max, count))

// $2 and $6: the raw metric of each source and the name that it is read for. Where a name has
// several, the first that has a value counts; sorting for it is left out where none has.
const std::string sources =
    "unnest($2::text[], $6::text[]) WITH ORDINALITY AS m (raw, name, source)";

/// Booleans count as 0 and 1, texts are skipped. What a sum could not hold is left out, as it is of
/// the rollups; avg() would overflow far earlier, since it sums squares, too.
std::string from_rows(bool several) {
  return "SELECT source, bin, min(time) AS first, sum(v) / count(*) AS avg, min(v) AS min, "
         "max(v) AS max, count(*) AS count "
         "FROM (SELECT s.source, date_bin(make_interval(secs => $5), t.time, 'epoch') AS bin, "
         "t.time, s.v FROM telemetry t CROSS JOIN LATERAL (SELECT " +
         std::string(several ? "DISTINCT ON (m.name) " : "") +
         "m.source, CASE jsonb_typeof(t.metrics -> m.raw) "
         "WHEN 'number' THEN (t.metrics ->> m.raw)::float8 "
         "WHEN 'boolean' THEN ((t.metrics ->> m.raw)::boolean)::integer::float8 END AS v FROM " +
         sources + " WHERE jsonb_typeof(t.metrics -> m.raw) IN ('number', 'boolean')" +
         (several ? " ORDER BY m.name, m.source" : "") +
         ") s WHERE t.device_id = $1 AND t.time >= $3 AND t.time <= $4) b "
         "WHERE abs(v) <= 1e290 GROUP BY 1, 2 ORDER BY 2, 1";
}

/// Whole buckets: the first one begins at or before the start.
std::string from_rollups(const std::string& table, bool several) {
  return "SELECT source, date_bin(make_interval(secs => $5), bucket, 'epoch') AS bin, "
         "date_bin(make_interval(secs => $5), bucket, 'epoch') AS first, "
         "sum(sum) / sum(count) AS avg, min(min) AS min, max(max) AS max, "
         "sum(count)::bigint AS count FROM (SELECT " +
         std::string(several ? "DISTINCT ON (m.name, r.bucket) " : "") +
         "m.source, r.bucket, r.sum, r.count, r.min, r.max FROM " + table + " r JOIN " + sources +
         " ON m.raw = r.metric WHERE r.device_id = $1 AND r.metric = ANY ($2::text[]) "
         "AND r.bucket >= date_bin(make_interval(secs => $5), $3::timestamptz, 'epoch') "
         "AND r.bucket <= $4" +
         (several ? " ORDER BY m.name, r.bucket, m.source" : "") +
         ") b GROUP BY 1, 2 ORDER BY 2, 1";
}

/// As the metric's values are. Mapping is linear, so it may follow the aggregation.
Slice mapped(Slice slice, const MetricSource& source) {
  const auto value = [&](double v) { return v * source.multiplier + source.offset; };
  const double low = value(slice.min), high = value(slice.max);
  slice.avg = value(slice.avg);
  slice.min = std::min(low, high);
  slice.max = std::max(low, high);
  return slice;
}

/// Into the bucket before it where it is of the same one, else behind it.
void add(std::vector<Slice>& to, const Slice& slice) {
  if (!std::isfinite(slice.avg) || !std::isfinite(slice.min) || !std::isfinite(slice.max)) return;
  if (to.empty() || to.back().bin != slice.bin) {
    to.push_back(slice);
    return;
  }
  auto& same = to.back();
  const auto count = static_cast<double>(same.count + slice.count);
  same.avg = same.avg * (static_cast<double>(same.count) / count) +
             slice.avg * (static_cast<double>(slice.count) / count);
  same.min = std::min(same.min, slice.min);
  same.max = std::max(same.max, slice.max);
  same.first = std::min(same.first, slice.first);
  same.count += slice.count;
}

}  // namespace

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
                                                std::vector<NamedMetric> metrics, Time start,
                                                Time end, SeriesPlan plan) {
  std::vector<std::string> raw, names;
  std::vector<std::pair<std::size_t, MetricSource>>
      of;  // by source: the metric, and how it is read
  for (std::size_t i = 0; i < metrics.size(); ++i)
    for (const auto& source : metrics[i].sources) {
      raw.push_back(source.raw);
      names.push_back(metrics[i].name);
      of.emplace_back(i, source);
    }
  const bool several = of.size() > metrics.size();
  auto sql = plan.source == Source::raw      ? from_rows(several)
             : plan.source == Source::minute ? from_rollups("telemetry_rollup_1m", several)
                                             : from_rollups("telemetry_rollup_1h", several);
  auto params = pg::Params::of(device_id, raw, start.at, end.at, plan.bucket_s, names);
  const auto rows = co_await db.query(std::move(sql), std::move(params));
  std::vector<std::vector<Slice>> slices(metrics.size());
  for (auto& slice : pg::rows_as<Slice>(rows)) {
    const auto& [metric, source] = of[static_cast<std::size_t>(slice.source) - 1];
    add(slices[metric], mapped(slice, source));
  }
  std::vector<std::vector<Point>> out(metrics.size());
  for (std::size_t i = 0; i < slices.size(); ++i)
    for (const auto& s : slices[i])
      // A bucket with one sample keeps the sample's own time.
      out[i].push_back({s.count == 1 ? s.first : s.bin, s.avg, s.min, s.max, s.count});
  co_return out;
}

}  // namespace pulse::telemetry
