#pragma once
// Reading the audit log: the same filters for tenants, operators and exports.
#include <optional>
#include <string>
#include <vector>

#include "platform/http/endpoint.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::tenancy {

struct AuditFilter {
  std::optional<std::string> category, severity, event_type, entity_type, entity_id, search;
  std::optional<std::string> actor_id, tenant_id;  ///< tenant_id: for operators
  std::optional<std::string> start, end;           ///< ISO 8601
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(AuditFilter, (),
                      (category, severity, event_type, entity_type, entity_id, search, actor_id,
                       tenant_id, start, end, limit, offset))
inline auto constraints(json::As<AuditFilter>) {
  return json::rules<AuditFilter>()
      .range(&AuditFilter::limit, 1, 1000)
      .range(&AuditFilter::offset, 0, 10'000'000)
      .length(&AuditFilter::search, 0, 200);
}

struct AuditRow {
  Time timestamp;
  std::optional<std::string> tenant_id;
  std::string event_type, category, severity;
  std::optional<std::string> entity_type, entity_id, entity_name;
  std::string action, message;
  std::optional<boost::json::object> details;
  std::string source_service;
  std::optional<std::string> actor_type, actor_id, actor_name, ip_address, request_id;
};
BOOST_DESCRIBE_STRUCT(AuditRow, (),
                      (timestamp, tenant_id, event_type, category, severity, entity_type, entity_id,
                       entity_name, action, message, details, source_service, actor_type, actor_id,
                       actor_name, ip_address, request_id))

struct AuditPage {
  std::vector<AuditRow> events;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(AuditPage, (), (events, total, limit, offset))

/// The conditions of a filter. Throws HttpError 400 "Invalid start value; use ISO 8601" (or end).
pg::Clauses audit_conditions(const AuditFilter& filter);
/// Newest first; the page and, as column `total`, the number of all that match.
pg::Statement audit_page_statement(const AuditFilter& filter);
/// The number alone: for a page past the end, which has no row to carry it.
pg::Statement audit_total_statement(const AuditFilter& filter);
AuditPage audit_page_of(const pg::Result& rows, const AuditFilter& filter);

/// Statement of an export: the rows that match, newest first, at most 100,000.
pg::Statement audit_export_statement(const AuditFilter& filter);
/// Rows as CSV lines or as JSON lines. `format` is "csv" or "jsonl".
std::string audit_lines(const pg::Result& rows, std::string_view format);
/// Answer of an export whose rows `run` streams into the given consumer. Throws 400 for another
/// format.
using AuditStream = std::function<Task<>(std::function<Task<bool>(const pg::Result&)>)>;
http::Response audit_export(std::string format, std::string file_stem, AuditStream run);

}  // namespace pulse::tenancy
