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

}  // namespace

TenantDb TenantDb::for_worker(pg::Pool& pool, const std::string& tenant_id,
                              std::string_view /*why*/) {
  return TenantDb(pool, tenant_scope(tenant_id));
}

OperatorTrace OperatorTrace::of(const http::Request& request, const Caller& who) {
  OperatorTrace out;
  out.user_id = who.user_id;
  out.ip = request.client_address;
  out.agent = std::string(request.headers.get("User-Agent"));
  out.request_id = request.request_id;
  boost::json::object query;
  // Older clients carry a credential in the address: it is no business of a log's.
  for (const auto& [name, value] : request.query)
    query[name] = name == "token" || name == "ticket" ? std::string("(not kept)") : value;
  out.query = boost::json::serialize(query);
  // What the path is about: its first parameter, e.g. {user_id} -> "user" and the id.
  if (!request.path_params.empty()) {
    const auto& [name, value] = request.path_params.front();
    out.resource_type = name.substr(0, name.rfind('_'));
    out.resource_id = value;
  }
  return out;
}

pg::Statement OperatorTrace::line(const std::string& action, const std::string& tenant_filter,
                                  bool bypassed) const {
  return {
      "INSERT INTO operator_audit_log (user_id, action, tenant_filter, ip_address, user_agent, "
      "request_id, resource_type, resource_id, query_params, rls_bypassed) "
      "VALUES ($1, $2, nullif($3, ''), nullif($4, '')::inet, left($5, 500), $6, "
      "nullif($7, ''), nullif($8, ''), nullif($9, '{}')::jsonb, $10)",
      pg::Params::of(user_id, action, tenant_filter, ip, agent, request_id, resource_type,
                     resource_id, query, bypassed)};
}

OperatorDb OperatorDb::about(std::string type, std::string id) const {
  OperatorDb out = *this;
  out.trace_.resource_type = std::move(type);
  out.trace_.resource_id = std::move(id);
  return out;
}

Task<std::vector<pg::Result>> OperatorDb::run(const char* role, std::string action,
                                              std::string tenant_filter,
                                              std::vector<pg::Statement> statements) const {
  statements.insert(statements.begin(), trace_.line(action, tenant_filter, true));
  pg::Scope scope;
  scope.role = role;
  auto results = co_await pool_->batch(scope, std::move(statements));
  results.erase(results.begin());
  co_return results;
}

Task<pg::Result> OperatorDb::read(std::string action, std::string tenant_filter, std::string sql,
                                  pg::Params params) const {
  std::vector<pg::Statement> one;
  one.emplace_back(std::move(sql), std::move(params));
  auto results = co_await run("pulse_operator_read", std::move(action), std::move(tenant_filter),
                              std::move(one));
  co_return std::move(results.front());
}

Task<pg::Result> OperatorDb::write(std::string action, std::string tenant_filter, std::string sql,
                                   pg::Params params) const {
  std::vector<pg::Statement> one;
  one.emplace_back(std::move(sql), std::move(params));
  auto results = co_await write_all(std::move(action), std::move(tenant_filter), std::move(one));
  co_return std::move(results.front());
}

Task<std::vector<pg::Result>> OperatorDb::write_all(std::string action, std::string tenant_filter,
                                                    std::vector<pg::Statement> statements) const {
  return run("pulse_operator_write", std::move(action), std::move(tenant_filter),
             std::move(statements));
}

bool TenantCaller::may(std::string_view permission) const {
  return holds(who, membership.get(), permission);
}

Task<> OperatorDb::stream(std::string action, std::string tenant_filter, std::string sql,
                          pg::Params params,
                          std::function<Task<bool>(const pg::Result&)> each) const {
  pg::Scope scope;
  scope.role = "pulse_operator_read";
  auto first = trace_.line(action, tenant_filter, true);
  co_await pool_->query(scope, std::move(first.first), std::move(first.second));
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
  return OperatorCaller{v.who, OperatorDb(*v.pool, OperatorTrace::of(request, v.who)),
                        request.request_id, request.client_address};
}

SignedIn Access::signed_in(http::Request& request) {
  return SignedIn{verified(request).who, request.request_id, request.client_address};
}

}  // namespace pulse::tenancy
