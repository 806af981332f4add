#pragma once
// tenancy: who calls, and what they may reach. Owns: the access check of every endpoint, tenant and
// operator scopes of the database, audit. Tables: audit_log, operator_audit_log. Calls: platform.
#include <cstdint>
#include <string>
#include <vector>

#include "platform/http/endpoint.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/membership.hpp"

namespace pulse::tenancy {

/// A verified caller: what an access token says (edge.md, "Tokens and callers").
struct Caller {
  std::string user_id;  ///< claim sub
  std::string username;
  std::string email;
  std::string tenant_id;  ///< empty: none
  std::vector<std::string> roles;
  std::int64_t expires_at_s = 0;  ///< epoch seconds of the token's end; 0: never (API tokens only)
  std::int64_t issued_at_ms = 0;  ///< epoch ms, at the earliest; 0: unknown
  std::string by_api_token;       ///< id of the API token; empty: signed in
  std::string api_token_hash;     ///< its SHA-256, as it is stored
  bool is_service = false;        ///< a service account, no person
  std::vector<std::string> scopes;  ///< of an API token: no more than these permissions
  bool by_cookie = false;
  std::string session_id;
  boost::json::value organization = nullptr;

  bool has_role(std::string_view role) const;
  bool is_tenant_admin() const { return has_role("tenant-admin"); }
  bool is_operator() const;  ///< operator, or operator-admin which implies it
};

/// The database as one tenant sees it. Made only by the access check (and by workers that act for a
/// tenant through `for_worker`), so a handler can't reach another tenant's rows.
class TenantDb {
 public:
  Task<pg::Result> query(std::string sql, pg::Params params = {}) const {
    return pool_->query(scope_, std::move(sql), std::move(params));
  }
  Task<std::vector<pg::Result>> batch(
      std::vector<std::pair<std::string, pg::Params>> statements) const {
    return pool_->batch(scope_, std::move(statements));
  }
  Task<pg::Transaction> begin() const { return pool_->begin(scope_); }
  Task<> stream(std::string sql, pg::Params params,
                std::function<Task<bool>(const pg::Result&)> each) const {
    return pool_->stream(scope_, std::move(sql), std::move(params), std::move(each));
  }
  /// For background work of a known tenant; `why` stands in the code.
  static TenantDb for_worker(pg::Pool& pool, const std::string& tenant_id, std::string_view why);

 private:
  friend struct Access;
  TenantDb(pg::Pool& pool, pg::Scope scope) : pool_(&pool), scope_(std::move(scope)) {}
  pg::Pool* pool_;
  pg::Scope scope_;
};

/// Parameter type of customer endpoints: a verified tenant caller with the endpoint's permission.
struct TenantCaller {
  Caller who;
  TenantDb db;
  std::shared_ptr<const Membership> membership;
  std::string request_id;
  std::string client_address;
  const std::string& tenant() const { return who.tenant_id; }
  /// True when the caller holds the permission (the endpoint's own is checked before the handler).
  bool may(std::string_view permission) const;
};

/// Who asks as platform staff, by which request, and about what: the line in operator_audit_log.
struct OperatorTrace {
  std::string user_id, ip, agent, request_id;
  std::string resource_type, resource_id;  ///< of the path: "user" and its id; empty: none
  std::string query;                       ///< the query's parameters, as a JSON object

  static OperatorTrace of(const http::Request& request, const Caller& who);
  /// The INSERT of the line. `bypassed`: the rows of all tenants were open to it.
  pg::Statement line(const std::string& action, const std::string& tenant_filter,
                     bool bypassed) const;
};

/// The database as platform staff sees it; each use writes operator_audit_log in the same
/// transaction.
class OperatorDb {
 public:
  Task<pg::Result> read(std::string action, std::string tenant_filter, std::string sql,
                        pg::Params params = {}) const;
  Task<pg::Result> write(std::string action, std::string tenant_filter, std::string sql,
                         pg::Params params = {}) const;
  /// The same, about something that the path does not name.
  OperatorDb about(std::string type, std::string id) const;
  /// Several statements in one transaction.
  Task<std::vector<pg::Result>> write_all(std::string action, std::string tenant_filter,
                                          std::vector<pg::Statement> statements) const;
  /// Rows of a long answer in chunks; the line in the log is written before the first.
  Task<> stream(std::string action, std::string tenant_filter, std::string sql, pg::Params params,
                std::function<Task<bool>(const pg::Result&)> each) const;

 private:
  friend struct Access;
  OperatorDb(pg::Pool& pool, OperatorTrace trace) : pool_(&pool), trace_(std::move(trace)) {}
  Task<std::vector<pg::Result>> run(const char* role, std::string action, std::string tenant_filter,
                                    std::vector<pg::Statement> statements) const;
  pg::Pool* pool_;
  OperatorTrace trace_;
};

/// Parameter type of operator endpoints.
struct OperatorCaller {
  Caller who;
  OperatorDb db;
  std::string request_id, client_address;
};

/// Parameter type of endpoints that any signed-in user may call.
struct SignedIn {
  Caller who;
  std::string request_id, client_address;
};

/// What the access check leaves in Request::caller.
struct Verified {
  Caller who;
  std::shared_ptr<const Membership> membership;  ///< of customer endpoints
  pg::Pool* pool = nullptr;
};

/// Makes scopes from what was verified; the only door to TenantDb and OperatorDb.
struct Access {
  static TenantCaller tenant(http::Request& request);
  static OperatorCaller operators(http::Request& request);
  static SignedIn signed_in(http::Request& request);
};

}  // namespace pulse::tenancy

namespace pulse::http {
template <>
struct Extract<tenancy::TenantCaller> {
  static tenancy::TenantCaller from(Request& r, Faults&) { return tenancy::Access::tenant(r); }
  static void describe(OperationDoc&) {}
};
template <>
struct Extract<tenancy::OperatorCaller> {
  static tenancy::OperatorCaller from(Request& r, Faults&) { return tenancy::Access::operators(r); }
  static void describe(OperationDoc&) {}
};
template <>
struct Extract<tenancy::SignedIn> {
  static tenancy::SignedIn from(Request& r, Faults&) { return tenancy::Access::signed_in(r); }
  static void describe(OperationDoc&) {}
};
}  // namespace pulse::http
