#include "tenancy/caller.hpp"

#include <algorithm>

#include "platform/errors.hpp"
#include "tenancy/permissions.hpp"

namespace pulse::tenancy {

bool Caller::has_role(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

bool Caller::is_operator() const { return has_role("operator") || has_role("operator-admin"); }

namespace {

pg::Scope tenant_scope(const std::string& tenant_id) {
  pg::Scope scope;
  scope.role = "pulse_app";
  scope.settings.emplace_back("app.tenant_id", tenant_id);
  return scope;
}

const Verified& verified(const http::Request& request) {
  const auto* v = std::any_cast<Verified>(&request.caller);
  // Only an endpoint that declares one kind of caller and takes another comes here.
  if (!v || !v->pool)
    throw std::logic_error("a handler takes a caller that its endpoint did not declare");
  return *v;
}

constexpr const char* audit_operator =
    "INSERT INTO operator_audit_log (user_id, action, tenant_filter, ip_address, user_agent, "
    "request_id, rls_bypassed) VALUES ($1, $2, nullif($3, ''), nullif($4, '')::inet, "
    "left($5, 500), $6, true)";

}  // namespace

TenantDb TenantDb::for_worker(pg::Pool& pool, const std::string& tenant_id,
                              std::string_view /*why*/) {
  return TenantDb(pool, tenant_scope(tenant_id));
}

Task<pg::Result> OperatorDb::read(std::string action, std::string tenant_filter, std::string sql,
                                  pg::Params params) const {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(audit_operator, pg::Params::of(who_.user_id, action, tenant_filter, ip_,
                                                         agent_, request_id_));
  statements.emplace_back(std::move(sql), std::move(params));
  pg::Scope scope;
  scope.role = "pulse_operator_read";
  auto results = co_await pool_->batch(scope, std::move(statements));
  co_return std::move(results[1]);
}

Task<pg::Result> OperatorDb::write(std::string action, std::string tenant_filter, std::string sql,
                                   pg::Params params) const {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(audit_operator, pg::Params::of(who_.user_id, action, tenant_filter, ip_,
                                                         agent_, request_id_));
  statements.emplace_back(std::move(sql), std::move(params));
  pg::Scope scope;
  scope.role = "pulse_operator_write";
  auto results = co_await pool_->batch(scope, std::move(statements));
  co_return std::move(results[1]);
}

bool TenantCaller::may(std::string_view permission) const {
  return holds(who, membership.get(), permission);
}

Task<> OperatorDb::stream(std::string action, std::string tenant_filter, std::string sql,
                          pg::Params params,
                          std::function<Task<bool>(const pg::Result&)> each) const {
  pg::Scope scope;
  scope.role = "pulse_operator_read";
  co_await pool_->query(
      scope, audit_operator,
      pg::Params::of(who_.user_id, action, tenant_filter, ip_, agent_, request_id_));
  co_await pool_->stream(scope, std::move(sql), std::move(params), std::move(each));
}

TenantCaller Access::tenant(http::Request& request) {
  const auto& v = verified(request);
  if (v.who.tenant_id.empty()) throw std::logic_error("a tenant's endpoint without a tenant");
  return TenantCaller{v.who, TenantDb(*v.pool, tenant_scope(v.who.tenant_id)), v.membership,
                      request.request_id, request.client_address};
}

OperatorCaller Access::operators(http::Request& request) {
  const auto& v = verified(request);
  if (!v.who.is_operator()) throw std::logic_error("an operators' endpoint without an operator");
  return OperatorCaller{
      v.who,
      OperatorDb(*v.pool, v.who, request.client_address,
                 std::string(request.headers.get("User-Agent")), request.request_id),
      request.request_id, request.client_address};
}

SignedIn Access::signed_in(http::Request& request) {
  return SignedIn{verified(request).who, request.request_id, request.client_address};
}

}  // namespace pulse::tenancy
