// The end of a deleted tenant, when the time to undo is over.
#include <algorithm>

#include "operations/tenants.hpp"
#include "platform/errors.hpp"
#include "platform/log.hpp"

namespace pulse::operations {

namespace {

/// Every table of tenants, by the catalogue, so that none that comes later is forgotten. The audit
/// log stays as long as its own retention says.
constexpr const char* tables_of_tenants = R"sql(
  SELECT c.oid::regclass::text FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND c.relname NOT IN ('tenants', 'audit_log')
  ORDER BY 1
)sql";
constexpr int most_rounds = 20;

/// True when the rows are gone; false when others still refer to them.
Task<bool> empty_table(pg::Pool& pool, std::string table, std::string tenant) {
  const pg::Scope scope("pulse_operator_write", {});
  try {
    co_await pool.query(scope, "DELETE FROM " + table + " WHERE tenant_id = $1",
                        pg::Params::of(tenant));
  } catch (const pg::Error& e) {
    if (!e.foreign_key_violation()) throw;
    co_return false;
  }
  co_return true;
}

/// Staff that was let into the tenant stays, outside of it.
Task<> remove_person(identity::Directory& directory, const identity::DirectoryUser& user) {
  const bool staff = std::any_of(user.roles.begin(), user.roles.end(),
                                 [](const auto& role) { return role.starts_with("operator"); });
  if (staff)
    co_await directory.set_tenant(user.id, std::nullopt);
  else
    co_await directory.remove(user.id);
}

Task<> remove_people(identity::Directory& directory, std::string tenant) {
  identity::UserQuery query;
  query.tenant_id = tenant;
  while (true) {
    // Always the first page: those before are gone.
    const auto page = co_await directory.users(query);
    if (page.users.empty()) break;
    for (const auto& user : page.users) co_await remove_person(directory, user);
  }
  co_await directory.remove_organization(tenant);
}

Task<> purge(pg::Pool& pool, identity::Directory& directory, RemoveFiles remove_files,
             std::string tenant) {
  // First, while the tenant's row still says that there is something to do.
  co_await remove_people(directory, tenant);
  co_await remove_files(tenant);
  const pg::Scope scope("pulse_operator_write", {});
  const auto rows = co_await pool.query(scope, tables_of_tenants);
  std::vector<std::string> left;
  for (int i = 0; i < rows.rows(); ++i) left.emplace_back(rows.text(i, 0));
  for (int round = 0; round < most_rounds && !left.empty(); ++round) {
    std::vector<std::string> again;
    for (const auto& table : left) {
      const bool gone = co_await empty_table(pool, table, tenant);
      if (!gone) again.push_back(table);
    }
    left = std::move(again);
  }
  if (!left.empty()) throw std::runtime_error("rows of " + tenant + " stay in " + left.front());
  co_await pool.query(scope, "DELETE FROM tenants WHERE tenant_id = $1 AND status = 'DELETED'",
                      pg::Params::of(tenant));
  log::info("deleted tenant removed", {{"tenant_id", tenant}});
}

}  // namespace

Task<std::vector<std::string>> purge_deleted_tenants(pg::Pool& pool, identity::Directory& directory,
                                                     RemoveFiles remove_files) {
  const pg::Scope scope("pulse_operator_read", {});
  const auto due = co_await pool.query(
      scope,
      "SELECT tenant_id FROM tenants WHERE status = 'DELETED' AND purge_after <= now() LIMIT 10");
  std::vector<std::string> out;
  for (int i = 0; i < due.rows(); ++i) {
    std::string tenant(due.text(i, 0));
    std::string problem;
    try {
      co_await purge(pool, directory, remove_files, tenant);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (problem.empty())
      out.push_back(std::move(tenant));
    else
      log::error("deleted tenant not removed", {{"tenant_id", tenant}, {"error", problem}});
  }
  co_return out;
}

}  // namespace pulse::operations
