// The organization's audit log: who did what, and when.
#include "account/deps.hpp"
#include "tenancy/audit_query.hpp"
#include "tenancy/tier.hpp"

namespace pulse::account {

namespace {

using tenancy::AuditFilter;
using tenancy::TenantCaller;

struct ExportFilter : AuditFilter {
  std::string format = "csv";
};
BOOST_DESCRIBE_STRUCT(ExportFilter, (AuditFilter), (format))

Task<tenancy::AuditPage> list_events(AccountDeps, TenantCaller caller,
                                     http::Query<AuditFilter> query) {
  auto filter = query.value;
  filter.tenant_id.reset();  // the scope says which tenant
  auto statement = tenancy::audit_page_statement(filter);
  const auto rows =
      co_await caller.db.query(std::move(statement.first), std::move(statement.second));
  auto page = tenancy::audit_page_of(rows, filter);
  if (rows.empty() && filter.offset > 0) {
    auto all = tenancy::audit_total_statement(filter);
    const auto counted = co_await caller.db.query(std::move(all.first), std::move(all.second));
    page.total = counted.int64(0, 0);
  }
  co_return page;
}

Task<http::Response> export_events(AccountDeps d, TenantCaller caller,
                                   http::Query<ExportFilter> query) {
  co_await tenancy::require_feature(caller, "audit_log_export", "Export of the activity log");
  AuditFilter filter = query.value;
  filter.tenant_id.reset();
  auto statement = tenancy::audit_export_statement(filter);
  auto event = tenancy::AuditLog::of(caller, "audit_log.exported", "export", "audit_log", "",
                                     "Audit log exported as " + query->format);
  auto answer = tenancy::audit_export(
      query->format, "audit-log",
      [db = caller.db, statement](std::function<Task<bool>(const pg::Result&)> each) -> Task<> {
        return db.stream(statement.first, statement.second, std::move(each));
      });
  d.audit->write(std::move(event));
  co_return answer;
}

}  // namespace

void mount_audit_log(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/audit-log";
  api.get(base, http::bound(d, list_events))
      .customers()
      .tag("Audit log")
      .summary("Events, newest first")
      .fails(400, "Invalid start value; use ISO 8601");
  api.get(base + "/export", http::bound(d, export_events))
      .customers()
      .tag("Audit log")
      .summary("Events as CSV or JSON lines")
      .produces("text/csv", {"application/x-ndjson"})
      .fails(403,
             "Export of the activity log is not included in tier {name}: ask for a larger tier")
      .fails(400, "Invalid format. Must be one of: ['csv', 'jsonl']");
}

}  // namespace pulse::account
