#include "tenancy/guard.hpp"

#include <boost/asio/ip/address.hpp>

#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/authenticator.hpp"
#include "tenancy/permissions.hpp"
#include "tenancy/request_limits.hpp"

namespace pulse::tenancy {

namespace {

/// The address's bytes, 4 or 16; empty when it is none.
std::vector<unsigned char> address_bytes(const std::string& text) {
  boost::system::error_code ec;
  auto address = boost::asio::ip::make_address(text, ec);
  if (ec) return {};
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  if (address.is_v4()) {
    const auto b = address.to_v4().to_bytes();
    return {b.begin(), b.end()};
  }
  const auto b = address.to_v6().to_bytes();
  return {b.begin(), b.end()};
}

}  // namespace

Network::Network(const std::string& text) {
  const auto slash = text.find('/');
  bytes_ = address_bytes(text.substr(0, slash));
  if (bytes_.empty()) throw std::invalid_argument("'" + text + "' is no network (e.g. 10.0.0.0/8)");
  prefix_ = static_cast<unsigned>(bytes_.size() * 8);
  if (slash == std::string::npos) return;
  unsigned prefix = 0;
  const auto* begin = text.data() + slash + 1;
  const auto [end, ec] = std::from_chars(begin, text.data() + text.size(), prefix);
  if (ec != std::errc{} || end != text.data() + text.size() || prefix > prefix_)
    throw std::invalid_argument("'" + text + "' is no network (e.g. 10.0.0.0/8)");
  prefix_ = prefix;
}

bool Network::contains(const std::string& address) const {
  const auto other = address_bytes(address);
  if (other.size() != bytes_.size()) return false;
  for (unsigned bit = 0; bit < prefix_; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((other[bit / 8] & mask) != (bytes_[bit / 8] & mask)) return false;
  }
  return true;
}

bool in_any(const std::vector<Network>& networks, const std::string& address) {
  for (const auto& n : networks)
    if (n.contains(address)) return true;
  return false;
}

int FailureLimit::blocked_for(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto it = windows_.find(key);
  if (it == windows_.end() || it->second.count < failures_) return 0;
  const auto left = it->second.begun_ms + window_ms_ - steady_ms();
  return left <= 0 ? 0 : static_cast<int>(left / 1000 + 1);
}

void FailureLimit::failed(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto now = steady_ms();
  if (windows_.size() >= capacity_ && !windows_.contains(key)) {
    std::erase_if(windows_, [&](const auto& e) { return e.second.begun_ms + window_ms_ <= now; });
    if (windows_.size() >= capacity_) windows_.erase(windows_.begin());
  }
  auto& window = windows_[key];
  if (window.begun_ms + window_ms_ <= now) window = Window{now, 0};
  ++window.count;
}

std::string token_of(const http::Request& request, bool& by_cookie) {
  by_cookie = false;
  const auto header = request.headers.get("Authorization");
  if (header.size() > 7 && http::iequals(header.substr(0, 7), "Bearer "))
    return std::string(header.substr(7));
  if (auto token = http::cookie(request.headers, "pulse_session"); token && !token->empty()) {
    by_cookie = true;
    return *token;
  }
  return {};
}

namespace {

/// Nothing, or why this is nobody of a tenant.
std::optional<std::string> not_a_customer(const Caller& caller) {
  const bool operator_in_tenant = caller.is_operator() && !caller.tenant_id.empty();
  if (!caller.has_role("customer") && !caller.has_role("tenant-admin") && !operator_in_tenant)
    return "Customer role required";
  if (caller.tenant_id.empty()) return "No tenant in token";
  return std::nullopt;
}

}  // namespace

void require_customer(const Caller& caller) {
  if (const auto why = not_a_customer(caller)) throw forbidden(*why);
}

namespace {

void check_internal(const GuardDeps& deps, const http::Request& request) {
  const auto given = request.headers.get("X-Internal-Auth");
  // The TCP peer counts, not what a header says.
  if (deps.internal_secret.empty() || !crypto::equal(given, deps.internal_secret) ||
      !in_any(deps.internal_networks, request.peer_address))
    throw forbidden("Forbidden");
}

/// Nothing, or why the tenant lets nobody in.
std::optional<std::string> not_open(const Membership& m) {
  if (m.tenant_status == "ACTIVE") return std::nullopt;
  // Empty: the issuer knows an organization that we don't.
  return m.tenant_status == "SUSPENDED" ? "Organization suspended: contact support"
                                        : "Organization not found";
}

/// Throws 403, when the trace of it is written.
Task<> refuse(const GuardDeps& deps, const http::Request& request, const Caller& who,
              std::string detail) {
  AuditEvent e;
  e.tenant_id = who.tenant_id;
  e.event_type = "access.refused";
  e.category = "security";
  e.severity = "warning";
  e.action = "refuse";
  e.message = detail;
  e.details = {{"method", request.method}, {"path", request.path}};
  e.actor_type = who.is_service ? "service" : "user";
  e.actor_id = who.user_id;
  e.actor_name = who.username.empty() ? who.email : who.username;
  e.ip_address = request.client_address;
  e.request_id = request.request_id;
  co_await deps.audit->record(std::move(e));
  throw forbidden(detail);
}

/// Platform staff inside a tenant leave the trace that they leave on the operators' endpoints.
Task<> note_operator_in_tenant(const GuardDeps& deps, const http::Request& request,
                               const Caller& who, const http::EndpointSpec& spec) {
  pg::Scope scope("pulse_operator_write", {});
  auto line =
      OperatorTrace::of(request, who).line(spec.method + " " + spec.pattern, who.tenant_id, false);
  co_await deps.pool->query(scope, std::move(line.first), std::move(line.second));
}

/// An endpoint may declare its own words for a missing token.
std::string missing_token_detail(const http::EndpointSpec& spec) {
  for (const auto& failure : spec.failures)
    if (failure.status == 401) return failure.detail;
  return "Missing authorization";
}

Task<> check_token(const GuardDeps& deps, http::Request& request, const http::EndpointSpec& spec) {
  bool by_cookie = false;
  auto token = token_of(request, by_cookie);
  if (token.empty()) throw unauthorized(missing_token_detail(spec));
  Verified v;
  v.who = co_await deps.tokens->verify(std::move(token), request.client_address);
  v.who.by_cookie = by_cookie;
  v.pool = deps.pool;
  const bool in_tenant = spec.access == http::Access::customer;
  if (in_tenant) {
    if (const auto why = not_a_customer(v.who)) co_await refuse(deps, request, v.who, *why);
  }
  if (!v.who.tenant_id.empty() && spec.access != http::Access::operators) {
    const bool person = v.who.by_api_token.empty() && !v.who.is_operator();
    v.membership =
        co_await deps.memberships->find(*deps.pool, v.who.tenant_id, v.who.user_id, person);
    if (in_tenant) {
      if (const auto why = not_open(*v.membership)) co_await refuse(deps, request, v.who, *why);
    }
  }
  deps.limits->check_caller(request, v.who, v.membership.get());
  if (in_tenant) {
    if (!spec.permission.empty() && !holds(v.who, v.membership.get(), spec.permission))
      co_await refuse(deps, request, v.who, "Permission required: " + spec.permission);
    if (v.who.is_operator()) co_await note_operator_in_tenant(deps, request, v.who, spec);
  } else if (spec.access == http::Access::operators) {
    if (!v.who.is_operator() || !v.who.by_api_token.empty())
      co_await refuse(deps, request, v.who, "Operator role required");
    if (!spec.permission.empty() && !v.who.has_role(spec.permission))
      co_await refuse(deps, request, v.who, "Role required: " + spec.permission);
  }
  request.caller = std::move(v);
}

}  // namespace

Task<> check_standing(GuardDeps deps, Caller caller, std::string client_address) {
  co_await deps.tokens->recheck(caller, std::move(client_address));
  require_customer(caller);
  const auto membership =
      co_await deps.memberships->find(*deps.pool, caller.tenant_id, caller.user_id, false);
  if (const auto why = not_open(*membership)) throw forbidden(*why);
}

http::Authorizer guard(GuardDeps deps) {
  return
      [deps = std::move(deps)](http::Request& request, const http::EndpointSpec& spec) -> Task<> {
        if (spec.access != http::Access::device && spec.access != http::Access::internal)
          deps.limits->check_address(request);
        switch (spec.access) {
          case http::Access::open:
          case http::Access::device:
            co_return;
          case http::Access::internal:
            check_internal(deps, request);
            co_return;
          case http::Access::signed_in:
          case http::Access::customer:
          case http::Access::operators:
            co_await check_token(deps, request, spec);
            co_return;
          case http::Access::undeclared:
            break;
        }
        throw std::logic_error("endpoint without declared access: " + spec.pattern);
      };
}

}  // namespace pulse::tenancy
