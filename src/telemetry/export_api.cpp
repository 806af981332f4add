// CSV of a device's telemetry, streamed.
#include <algorithm>

#include "fleet/devices.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

struct ExportQuery {
  std::string range = "24h";
  std::int64_t limit = 5000;
  std::vector<std::string> metric;
};
BOOST_DESCRIBE_STRUCT(ExportQuery, (), (range, limit, metric))
inline auto constraints(json::As<ExportQuery>) {
  return json::rules<ExportQuery>()
      .range(&ExportQuery::limit, 1, 10'000)
      .items(&ExportQuery::metric, 0, 50)
      .describe(&ExportQuery::metric,
                "Columns of these alone, of messages that have one of them: names as devices send "
                "them, or normalized ones. Repeat it for several; without it all that was sent");
}

/// A cell (RFC 4180). Text that a spreadsheet would take for a formula gets a quote in front.
std::string cell(std::string_view text, bool number = false) {
  std::string out(text);
  if (!number && !out.empty() &&
      std::string_view("=+-@\t\r").find(out[0]) != std::string_view::npos)
    out.insert(0, 1, '\'');
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// `chosen`: the metrics that were asked for; none where all were.
std::string csv_rows(const pg::Result& rows, const std::vector<std::string>& names,
                     const std::vector<NamedMetric>& chosen) {
  std::string out;
  for (int i = 0; i < rows.rows(); ++i) {
    for (int column = 0; column < 4; ++column) {
      if (column > 0) out += ',';
      out += cell(rows.text(i, column), column == 0 || column == 3);
    }
    auto metrics = boost::json::parse(rows.text(i, 4)).as_object();
    if (!chosen.empty()) metrics = named_values(chosen, metrics);
    for (const auto& name : names) {
      out += ',';
      const auto* v = metrics.if_contains(name);
      if (!v || v->is_null()) continue;
      out += v->is_string() ? cell(v->get_string()) : cell(json::to_text(*v), true);
    }
    out += "\r\n";
  }
  return out;
}

Task<http::Response> export_csv(tenancy::TenantCaller caller, http::Path<"device_id"> id,
                                http::Query<ExportQuery> query) {
  static constexpr std::pair<std::string_view, int> ranges[] = {
      {"1h", 1}, {"6h", 6}, {"24h", 24}, {"7d", 168}, {"30d", 720}};
  int hours = 0;
  for (const auto& [name, h] : ranges)
    if (name == query->range) hours = h;
  if (hours == 0)
    throw bad_request("Invalid range. Must be one of: ['1h', '6h', '24h', '7d', '30d']");
  co_await fleet::require_device(caller.db, id.value);
  const Time start{now().at - std::chrono::hours(hours)};
  std::vector<NamedMetric> chosen;
  std::vector<std::string> names;
  if (query->metric.empty()) {
    names = co_await metric_names(caller.db, id.value, start, query->limit);
  } else {
    chosen = co_await named_metrics(caller.db, id.value, query->metric);
    for (const auto& m : chosen) names.push_back(m.name);
    std::sort(names.begin(), names.end());
  }
  http::Response r;
  r.headers.add("Content-Type", "text/csv; charset=utf-8");
  const auto name = id.value + "_telemetry_" + query->range + ".csv";
  r.headers.add("Content-Disposition", "attachment; filename=\"" + name + "\"; filename*=UTF-8''" +
                                           http::percent_encode(name));
  r.stream = [db = caller.db, device = id.value, start, names, chosen,
              limit = query->limit](http::BodyWriter& out) -> Task<> {
    std::string head = "time,device_id,site_id,seq";
    for (const auto& metric : names) head += "," + cell(metric);
    co_await out.write(head + "\r\n");
    std::function<Task<bool>(const pg::Result&)> each =
        [&out, &names, &chosen](const pg::Result& rows) -> Task<bool> {
      co_await out.write(csv_rows(rows, names, chosen));
      co_return !out.client_gone();
    };
    pg::Clauses where(" AND ");
    where.add("device_id = ?", device);
    where.add("time >= ?", start.at);
    if (!chosen.empty()) where.add("jsonb_exists_any(metrics, ?::text[])", raw_names(chosen));
    co_await db.stream(
        "SELECT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), device_id, "
        "coalesce(site_id, ''), seq, metrics FROM telemetry" +
            where.where() + " ORDER BY time DESC LIMIT " + std::to_string(limit),
        where.params(), std::move(each));
  };
  co_return r;
}

}  // namespace

void mount_export(http::Router& api) {
  api.get("/api/v1/customer/devices/{device_id}/telemetry/export", &export_csv)
      .customers()
      .tag("Telemetry")
      .summary("Telemetry as CSV, newest first")
      .produces("text/csv")
      .fails(400, "Invalid range")
      .fails(404, "Device not found");
}

}  // namespace pulse::telemetry
