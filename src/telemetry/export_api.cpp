// CSV of a device's telemetry, streamed.
#include "fleet/devices.hpp"
#include "platform/errors.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

struct ExportQuery {
  std::string range = "24h";
  std::int64_t limit = 5000;
};
BOOST_DESCRIBE_STRUCT(ExportQuery, (), (range, limit))
inline auto constraints(json::As<ExportQuery>) {
  return json::rules<ExportQuery>().range(&ExportQuery::limit, 1, 10'000);
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

std::string csv_rows(const pg::Result& rows, const std::vector<std::string>& names) {
  std::string out;
  for (int i = 0; i < rows.rows(); ++i) {
    for (int column = 0; column < 4; ++column) {
      if (column > 0) out += ',';
      out += cell(rows.text(i, column), column == 0 || column == 3);
    }
    const auto metrics = boost::json::parse(rows.text(i, 4)).as_object();
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
  const auto names = co_await metric_names(caller.db, id.value, start, query->limit);
  http::Response r;
  r.headers.add("Content-Type", "text/csv; charset=utf-8");
  const auto name = id.value + "_telemetry_" + query->range + ".csv";
  r.headers.add("Content-Disposition", "attachment; filename=\"" + name + "\"; filename*=UTF-8''" +
                                           http::percent_encode(name));
  r.stream = [db = caller.db, device = id.value, start, names,
              limit = query->limit](http::BodyWriter& out) -> Task<> {
    std::string head = "time,device_id,site_id,seq";
    for (const auto& metric : names) head += "," + cell(metric);
    co_await out.write(head + "\r\n");
    std::function<Task<bool>(const pg::Result&)> each =
        [&out, &names](const pg::Result& rows) -> Task<bool> {
      co_await out.write(csv_rows(rows, names));
      co_return !out.client_gone();
    };
    co_await db.stream(
        "SELECT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), device_id, "
        "coalesce(site_id, ''), seq, metrics FROM telemetry WHERE device_id = $1 AND time >= $2 "
        "ORDER BY time DESC LIMIT $3",
        pg::Params::of(device, start.at, limit), std::move(each));
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
