#include "fleet/devices.hpp"
#include "platform/errors.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

using tenancy::TenantCaller;

constexpr const char* metric_words =
    "Messages that have one of these alone, with these values alone: names as devices send them, "
    "or "
    "normalized ones. Repeat it for several; without it all";

struct RowQuery {
  std::optional<std::int64_t> hours;
  std::int64_t limit = 120;
  std::optional<std::string> start, end;
  std::vector<std::string> metric;
};
BOOST_DESCRIBE_STRUCT(RowQuery, (), (hours, limit, start, end, metric))
inline auto constraints(json::As<RowQuery>) {
  return json::rules<RowQuery>()
      .range(&RowQuery::hours, 1, 168)
      .range(&RowQuery::limit, 1, 2000)
      .items(&RowQuery::metric, 0, 50)
      .describe(&RowQuery::metric, metric_words);
}
struct CountQuery {
  std::int64_t count = 1;
  std::vector<std::string> metric;
};
BOOST_DESCRIBE_STRUCT(CountQuery, (), (count, metric))
inline auto constraints(json::As<CountQuery>) {
  return json::rules<CountQuery>()
      .range(&CountQuery::count, 1, 10)
      .items(&CountQuery::metric, 0, 50)
      .describe(&CountQuery::metric, metric_words);
}
struct TelemetryRows {
  std::string tenant_id, device_id;
  std::vector<Row> telemetry;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(TelemetryRows, (), (tenant_id, device_id, telemetry, count))

struct MetricList {
  std::string device_id;
  std::vector<MetricInfo> metrics;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(MetricList, (), (device_id, metrics, total))

struct HistoryQuery {
  std::vector<std::string> metric;
  std::optional<std::string> range, start, end;
  std::optional<std::int64_t> points;
};
BOOST_DESCRIBE_STRUCT(HistoryQuery, (), (metric, range, start, end, points))
inline auto constraints(json::As<HistoryQuery>) {
  return json::rules<HistoryQuery>()
      .items(&HistoryQuery::metric, 1, 50)
      .range(&HistoryQuery::points, 2, 5000)
      .describe(
          &HistoryQuery::metric,
          "As devices send it, or a normalized name. Repeat it for several series in one answer")
      .describe(&HistoryQuery::range, "1h, 6h, 24h, 7d or 30d; default 24h")
      .describe(&HistoryQuery::points, "At most about so many points a series");
}
struct Series {
  std::string metric, display_name;
  std::optional<std::string> unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::vector<Point> points;
};
BOOST_DESCRIBE_STRUCT(Series, (),
                      (metric, display_name, unit, min_range, max_range, precision_digits, points))
struct History {
  std::string device_id, metric, range, bucket_size;
  std::optional<std::string> unit;
  std::optional<double> min_range, max_range;
  std::int64_t precision_digits = 2;
  std::vector<Point> points;
  std::vector<Series> series;
  std::string source;
  std::int64_t bucket_seconds = 60;
  Time start, end;
};
BOOST_DESCRIBE_STRUCT(History, (),
                      (device_id, metric, range, bucket_size, unit, min_range, max_range,
                       precision_digits, points, series, source, bucket_seconds, start, end))

struct MessageQuery {
  std::int64_t limit = 50;
  std::optional<std::string> before;
};
BOOST_DESCRIBE_STRUCT(MessageQuery, (), (limit, before))
inline auto constraints(json::As<MessageQuery>) {
  return json::rules<MessageQuery>()
      .range(&MessageQuery::limit, 1, 200)
      .describe(&MessageQuery::before,
                "From next_before: the page after it. Or an instant: what arrived before it");
}
struct MessageList {
  std::string device_id;
  std::vector<TracedMessage> messages;
  std::optional<std::string> next_before;
};
BOOST_DESCRIBE_STRUCT(MessageList, (), (device_id, messages, next_before))

struct Range {
  std::string_view name, bucket_size;
  std::int64_t span_s, bucket_s;
};
constexpr Range ranges[] = {{"1h", "1 minute", 3600, 60},
                            {"6h", "5 minutes", 6 * 3600, 300},
                            {"24h", "15 minutes", 86400, 900},
                            {"7d", "1 hour", 7 * 86400, 3600},
                            {"30d", "6 hours", 30 * 86400, 6 * 3600}};

Time parse_bound(const std::string& text) {
  const auto t = parse_iso8601(text);
  if (!t) throw bad_request("Invalid start/end timestamp");
  return *t;
}

Time earlier(Time t, std::int64_t seconds) { return Time{t.at - std::chrono::seconds(seconds)}; }

/// None where none is asked for: then all are told.
Task<std::vector<NamedMetric>> asked_metrics(tenancy::TenantDb db, std::string device_id,
                                             std::vector<std::string> names) {
  std::vector<NamedMetric> out;
  if (!names.empty()) out = co_await named_metrics(db, device_id, names);
  co_return out;
}

Task<TelemetryRows> list_rows(TenantCaller caller, http::Path<"device_id"> id,
                              http::Query<RowQuery> query) {
  Time end = now(), start = earlier(end, query->hours.value_or(6) * 3600);
  // Readings may be a little ahead of our clock.
  end.at += std::chrono::hours(24);
  if (query->end) end = parse_bound(*query->end);
  if (query->start)
    start = parse_bound(*query->start);
  else if (query->end)
    start = earlier(end, query->hours.value_or(6) * 3600);
  if (start >= end) throw bad_request("Start must be before end");
  co_await fleet::require_device(caller.db, id.value);
  TelemetryRows out{caller.tenant(), id.value, {}, 0};
  auto metrics = co_await asked_metrics(caller.db, id.value, query->metric);
  out.telemetry =
      co_await rows_between(caller.db, id.value, start, end, query->limit, std::move(metrics));
  out.count = static_cast<std::int64_t>(out.telemetry.size());
  co_return out;
}

Task<TelemetryRows> list_latest(TenantCaller caller, http::Path<"device_id"> id,
                                http::Query<CountQuery> query) {
  co_await fleet::require_device(caller.db, id.value);
  TelemetryRows out{caller.tenant(), id.value, {}, 0};
  auto metrics = co_await asked_metrics(caller.db, id.value, query->metric);
  out.telemetry = co_await latest_rows(caller.db, id.value, query->count, std::move(metrics));
  out.count = static_cast<std::int64_t>(out.telemetry.size());
  co_return out;
}

Task<MetricList> list_metrics(TenantCaller caller, http::Path<"device_id"> id) {
  co_await fleet::require_device(caller.db, id.value);
  MetricList out;
  out.device_id = id.value;
  out.metrics = co_await metrics_of(caller.db, id.value);
  out.total = static_cast<std::int64_t>(out.metrics.size());
  co_return out;
}

/// What a request asks for: bounds and plan.
struct Window {
  Time start, end;
  SeriesPlan plan;
  std::string range, bucket_size;
};

Window window_of(const HistoryQuery& q) {
  Window w;
  w.end = now();
  if (q.start || q.end) {
    if (q.end) w.end = parse_bound(*q.end);
    w.start = q.start ? parse_bound(*q.start) : earlier(w.end, 86'400);
    if (w.start >= w.end) throw bad_request("Start must be before end");
    const auto span = (to_ms(w.end) - to_ms(w.start) + 999) / 1000;
    if (span > 366 * 86'400) throw bad_request("start to end: at most 366 days");
    w.plan = plan_series(span, q.points.value_or(500));
    w.range = "custom";
    w.bucket_size = std::to_string(w.plan.bucket_s) + " seconds";
    return w;
  }
  const std::string name = q.range.value_or("24h");
  for (const auto& r : ranges) {
    if (r.name != name) continue;
    w.start = earlier(w.end, r.span_s);
    w.range = name;
    if (q.points) {
      w.plan = plan_series(r.span_s, *q.points);
      w.bucket_size = std::to_string(w.plan.bucket_s) + " seconds";
    } else {
      w.plan.bucket_s = r.bucket_s;
      w.plan.source = r.bucket_s < 3600 ? Source::minute : Source::hour;
      w.bucket_size = std::string(r.bucket_size);
    }
    return w;
  }
  throw bad_request("Invalid range. Must be one of: ['1h', '6h', '24h', '7d', '30d']");
}

Task<History> get_history(TenantCaller caller, http::Path<"device_id"> id,
                          http::Query<HistoryQuery> query) {
  const auto window = window_of(query.value);
  co_await fleet::require_device(caller.db, id.value);
  const auto named = co_await named_metrics(caller.db, id.value, query->metric);
  const auto points =
      co_await series_of(caller.db, id.value, named, window.start, window.end, window.plan);
  History out;
  out.device_id = id.value;
  for (const auto& name : query->metric) {  // asked for twice, answered twice
    std::size_t i = 0;
    while (named[i].name != name) ++i;
    Series s;
    s.metric = name;
    s.display_name = named[i].display_name;
    s.unit = named[i].unit;
    s.min_range = named[i].min_range;
    s.max_range = named[i].max_range;
    s.precision_digits = named[i].precision_digits;
    s.points = points[i];
    out.series.push_back(std::move(s));
  }
  const auto& first = out.series.front();
  out.metric = first.metric;
  out.unit = first.unit;
  out.min_range = first.min_range;
  out.max_range = first.max_range;
  out.precision_digits = first.precision_digits;
  out.points = first.points;
  out.range = window.range;
  out.bucket_size = window.bucket_size;
  out.bucket_seconds = window.plan.bucket_s;
  out.source = window.plan.source == Source::raw      ? "raw"
               : window.plan.source == Source::minute ? "1m"
                                                      : "1h";
  out.start = window.start;
  out.end = window.end;
  co_return out;
}

Task<MessageList> list_messages(TenantCaller caller, http::Path<"device_id"> id,
                                http::Query<MessageQuery> query) {
  std::optional<MessageCursor> after;
  if (query->before && !query->before->empty()) {
    after = parse_cursor(*query->before);
    if (!after)
      throw ValidationError({"query", "before"}, "must be a next_before, or an ISO 8601 date-time",
                            "value_error");
  }
  co_await fleet::require_device(caller.db, id.value);
  MessageList out;
  out.device_id = id.value;
  out.messages = co_await traced_messages(caller.db, id.value, after, query->limit);
  if (static_cast<std::int64_t>(out.messages.size()) == query->limit)
    out.next_before = to_text(cursor_of(out.messages.back()));
  co_return out;
}

}  // namespace

void mount_queries(http::Router& api) {
  const std::string one = "/api/v1/customer/devices/{device_id}";
  api.get(one + "/telemetry", &list_rows)
      .customers()
      .tag("Telemetry")
      .summary("Stored messages, newest first")
      .fails(400, "Start must be before end")
      .fails(404, "Device not found");
  api.get(one + "/telemetry/latest", &list_latest)
      .customers()
      .tag("Telemetry")
      .summary("The latest messages")
      .fails(404, "Device not found");
  api.get(one + "/telemetry/metrics", &list_metrics)
      .customers()
      .tag("Telemetry")
      .summary("Metrics of a device, with units and ranges")
      .fails(404, "Device not found");
  api.get(one + "/telemetry/history", &get_history)
      .customers()
      .tag("Telemetry")
      .summary("Series of one or several metrics")
      .description(
          "From one-minute or one-hour rollups, or from raw rows where the span is short. "
          "Each point carries average, minimum and maximum, so that nothing is lost to "
          "downsampling. A normalized name answers with the values of the raw metrics mapped to "
          "it, "
          "in its unit.")
      .fails(400, "Invalid range")
      .fails(404, "Device not found");
  api.get(one + "/messages", &list_messages)
      .customers()
      .tag("Telemetry")
      .summary("Recent messages with their stages")
      .description(
          "In the order of arrival, newest first: stored ones with when they were received "
          "and stored, quarantined ones and dead letters with the reason.")
      .fails(404, "Device not found");
  mount_export(api);
}

}  // namespace pulse::telemetry
