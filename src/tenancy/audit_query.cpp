#include "tenancy/audit_query.hpp"

#include "platform/csv.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::tenancy {

namespace {

const std::string columns =
    "\"timestamp\", tenant_id, event_type, category, severity, entity_type, entity_id, "
    "entity_name, action, message, details, source_service, actor_type, actor_id, actor_name, "
    "host(ip_address) AS ip_address, request_id";

Time time_of(const std::string& text, const char* name) {
  const auto time = parse_iso8601(text);
  if (!time) throw bad_request("Invalid " + std::string(name) + " value; use ISO 8601");
  return *time;
}

/// LIKE's own characters are text here.
std::string like(const std::string& text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

constexpr const char* csv_head =
    "timestamp,event_type,category,severity,entity_type,entity_id,entity_name,action,message,"
    "actor_type,actor_id,actor_name,ip_address,request_id,tenant_id\r\n";

std::string csv_line(const AuditRow& r) {
  std::string out = iso8601(r.timestamp);
  const auto cell = [&](std::string_view text) { out.append(",").append(csv_cell(text)); };
  cell(r.event_type);
  cell(r.category);
  cell(r.severity);
  cell(r.entity_type.value_or(""));
  cell(r.entity_id.value_or(""));
  cell(r.entity_name.value_or(""));
  cell(r.action);
  cell(r.message);
  cell(r.actor_type.value_or(""));
  cell(r.actor_id.value_or(""));
  cell(r.actor_name.value_or(""));
  cell(r.ip_address.value_or(""));
  cell(r.request_id.value_or(""));
  cell(r.tenant_id.value_or(""));
  return out + "\r\n";
}

}  // namespace

pg::Clauses audit_conditions(const AuditFilter& f) {
  pg::Clauses where(" AND ");
  const auto equal = [&](const char* column, const std::optional<std::string>& value) {
    if (value) where.add(std::string(column) + " = ?", *value);
  };
  equal("category", f.category);
  equal("severity", f.severity);
  equal("event_type", f.event_type);
  equal("entity_type", f.entity_type);
  equal("entity_id", f.entity_id);
  equal("actor_id", f.actor_id);
  equal("tenant_id", f.tenant_id);
  if (f.start) where.add("\"timestamp\" >= ?::timestamptz", time_of(*f.start, "start").at);
  if (f.end) where.add("\"timestamp\" < ?::timestamptz", time_of(*f.end, "end").at);
  if (f.search) {
    const auto pattern = like(*f.search);
    where.add(
        "(message ILIKE ? OR entity_name ILIKE ? OR entity_id ILIKE ? OR actor_name ILIKE ? "
        "OR event_type ILIKE ?)",
        pattern, pattern, pattern, pattern, pattern);
  }
  return where;
}

pg::Statement audit_page_statement(const AuditFilter& filter) {
  auto where = audit_conditions(filter);
  const auto condition = where.where();
  const auto limit = where.parameter(filter.limit), offset = where.parameter(filter.offset);
  return {"SELECT " + columns + ", (SELECT count(*) FROM audit_log" + condition +
              ") AS total FROM audit_log" + condition +
              " ORDER BY \"timestamp\" DESC, id DESC LIMIT " + limit + " OFFSET " + offset,
          where.params()};
}

pg::Statement audit_total_statement(const AuditFilter& filter) {
  auto where = audit_conditions(filter);
  std::string sql = "SELECT count(*) FROM audit_log";
  sql += where.where();
  return {std::move(sql), where.params()};
}

AuditPage audit_page_of(const pg::Result& rows, const AuditFilter& filter) {
  AuditPage out;
  out.events = pg::rows_as<AuditRow>(rows);
  out.total = rows.empty() ? 0 : rows.int64(0, rows.column("total"));
  out.limit = filter.limit;
  out.offset = filter.offset;
  return out;
}

pg::Statement audit_export_statement(const AuditFilter& filter) {
  const auto where = audit_conditions(filter);
  return {"SELECT " + columns + " FROM audit_log" + where.where() +
              " ORDER BY \"timestamp\" DESC, id DESC LIMIT 100000",
          where.params()};
}

std::string audit_lines(const pg::Result& rows, std::string_view format) {
  std::string out;
  for (const auto& r : pg::rows_as<AuditRow>(rows)) {
    if (format == "csv")
      out += csv_line(r);
    else
      out.append(json::to_text(r)).append("\n");
  }
  return out;
}

http::Response audit_export(std::string format, std::string file_stem, AuditStream run) {
  if (format != "csv" && format != "jsonl")
    throw bad_request("Invalid format. Must be one of: ['csv', 'jsonl']");
  http::Response r;
  r.headers.add("Content-Type", format == "csv" ? "text/csv; charset=utf-8"
                                                : "application/x-ndjson; charset=utf-8");
  r.headers.add("Content-Disposition", "attachment; filename=\"" + file_stem + "." + format + "\"");
  r.stream = [format, run](http::BodyWriter& out) -> Task<> {
    if (format == "csv") co_await out.write(csv_head);
    std::function<Task<bool>(const pg::Result&)> each =
        [&out, &format](const pg::Result& rows) -> Task<bool> {
      const auto lines = audit_lines(rows, format);
      co_await out.write(lines);
      co_return !out.client_gone();
    };
    co_await run(std::move(each));
  };
  return r;
}

}  // namespace pulse::tenancy
