// The audit logs, for platform staff: what happened in tenants, and what staff did.
#include "operations/deps.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/audit_query.hpp"

namespace pulse::operations {

namespace {

using tenancy::AuditFilter;
using tenancy::OperatorCaller;

/// `source=operator` (or user_id, action, since) asks for what staff did, everything else for
/// events.
struct LogQuery : AuditFilter {
  std::optional<std::string> source, user_id, action, since;
};
BOOST_DESCRIBE_STRUCT(LogQuery, (AuditFilter), (source, user_id, action, since))

struct StaffLine {
  std::int64_t id = 0;
  std::string user_id, action;
  std::optional<std::string> user_name;  ///< none for who is no longer in the directory
  std::optional<std::string> tenant_filter, resource_type, resource_id, ip_address, user_agent,
      request_id;
  bool rls_bypassed = true;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(StaffLine, (),
                      (id, user_id, action, user_name, tenant_filter, resource_type, resource_id,
                       ip_address, user_agent, request_id, rls_bypassed, created_at))
struct StaffPage {
  std::vector<StaffLine> entries;
  std::int64_t total = 0, limit = 0, offset = 0;
  std::optional<std::string> user_id, action, since;
};
BOOST_DESCRIBE_STRUCT(StaffPage, (), (entries, total, limit, offset, user_id, action, since))

bool asks_for_staff(const LogQuery& q) {
  return q.source == "operator" || q.user_id || q.action || q.since;
}

auto instant(const std::string& given, const char* name) {
  const auto time = parse_iso8601(given);
  if (!time) throw bad_request(std::string("Invalid ") + name + " value; use ISO 8601");
  return time->at;
}

/// The names of those who did it: few people, many lines.
Task<> name_people(OperationsDeps d, std::vector<StaffLine>& lines) {
  std::map<std::string, std::optional<std::string>> names;
  for (auto& line : lines) {
    const auto known = names.find(line.user_id);
    if (known != names.end()) {
      line.user_name = known->second;
      continue;
    }
    try {
      line.user_name = (co_await d.directory->user(line.user_id)).username;
    } catch (const HttpError&) {
      // Gone, or the directory is: the line stands with the id alone.
    }
    names.emplace(line.user_id, line.user_name);
  }
}

Task<StaffPage> staff_page(OperationsDeps d, OperatorCaller caller, LogQuery q) {
  pg::Clauses where(" AND ");
  if (q.user_id) where.add("user_id = ?", *q.user_id);
  if (q.action) where.add("action = ?", *q.action);
  if (q.tenant_id) where.add("tenant_filter = ?", *q.tenant_id);
  if (q.since) where.add("created_at >= ?::timestamptz", instant(*q.since, "since"));
  if (q.start) where.add("created_at >= ?::timestamptz", instant(*q.start, "start"));
  if (q.end) where.add("created_at <= ?::timestamptz", instant(*q.end, "end"));
  if (q.search)
    where.add(
        "strpos(lower(concat_ws(' ', action, tenant_filter, resource_id, request_id, "
        "host(ip_address))), lower(?)) > 0",
        *q.search);
  const auto condition = where.where();
  const auto conditions = where.params();
  const auto limit = where.parameter(q.limit), offset = where.parameter(q.offset);
  const auto rows = co_await caller.db.read(
      "view_audit_log", q.tenant_id.value_or(""),
      "SELECT id, user_id, action, tenant_filter, resource_type, resource_id, host(ip_address) AS "
      "ip_address, user_agent, request_id, rls_bypassed, created_at, (SELECT count(*) FROM "
      "operator_audit_log" +
          condition + ") AS total FROM operator_audit_log" + condition +
          " ORDER BY id DESC LIMIT " + limit + " OFFSET " + offset,
      where.params());
  StaffPage out;
  out.entries = pg::rows_as<StaffLine>(rows);
  co_await name_people(d, out.entries);
  if (!rows.empty()) {
    out.total = rows.int64(0, rows.column("total"));
  } else if (q.offset > 0) {
    const auto counted =
        co_await caller.db.read("view_audit_log", q.tenant_id.value_or(""),
                                "SELECT count(*) FROM operator_audit_log" + condition, conditions);
    out.total = counted.int64(0, 0);
  }
  out.limit = q.limit;
  out.offset = q.offset;
  out.user_id = q.user_id;
  out.action = q.action;
  out.since = q.since;
  co_return out;
}

/// Two shapes in one path, as the interface has them.
Task<http::Response> list_events(OperationsDeps d, OperatorCaller caller,
                                 http::Query<LogQuery> query) {
  if (asks_for_staff(query.value)) {
    const auto page = co_await staff_page(d, caller, query.value);
    co_return http::Response::json(200, json::to_text(page));
  }
  auto statement = tenancy::audit_page_statement(query.value);
  const auto rows =
      co_await caller.db.read("view_system_audit_log", query->tenant_id.value_or(""),
                              std::move(statement.first), std::move(statement.second));
  auto page = tenancy::audit_page_of(rows, query.value);
  if (rows.empty() && query->offset > 0) {
    auto all = tenancy::audit_total_statement(query.value);
    const auto counted =
        co_await caller.db.read("view_system_audit_log", query->tenant_id.value_or(""),
                                std::move(all.first), std::move(all.second));
    page.total = counted.int64(0, 0);
  }
  co_return http::Response::json(200, json::to_text(page));
}

struct ExportQuery : AuditFilter {
  std::string format = "csv";
};
BOOST_DESCRIBE_STRUCT(ExportQuery, (AuditFilter), (format))

Task<http::Response> export_events(OperationsDeps, OperatorCaller caller,
                                   http::Query<ExportQuery> query) {
  auto statement = tenancy::audit_export_statement(query.value);
  const auto tenant = query->tenant_id.value_or("");
  const auto db = caller.db;
  co_return tenancy::audit_export(
      query->format, "audit-log",
      [db, tenant, statement](std::function<Task<bool>(const pg::Result&)> each) -> Task<> {
        return db.stream("export_audit_log", tenant, statement.first, statement.second,
                         std::move(each));
      });
}

/// Either of the two shapes, for the document.
struct EitherPage {
  std::optional<std::vector<tenancy::AuditRow>> events;
  std::optional<std::vector<StaffLine>> entries;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(EitherPage, (), (events, entries, total, limit, offset))

}  // namespace

void mount_operator_audit(http::Router& api, const OperationsDeps& d) {
  const std::string base = "/api/v1/operator/audit-log";
  api.get(base, http::bound(d, list_events))
      .operators()
      .tag("Audit log")
      .returns<EitherPage>()
      .summary("Events of all tenants; source=operator: what staff did")
      .fails(400, "Invalid since value; use ISO 8601");
  api.get(base + "/export", http::bound(d, export_events))
      .operators()
      .tag("Audit log")
      .summary("Events as CSV or JSON lines")
      .produces("text/csv", {"application/x-ndjson"})
      .fails(400, "Invalid format. Must be one of: ['csv', 'jsonl']");
}

}  // namespace pulse::operations
