#pragma once
// The access check of every endpoint: token, caller's kind, permission, internal networks, and the
// limit on failed authentication.
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/http/router.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// A CIDR network (RFC 4632, RFC 4291), e.g. "10.0.0.0/8", "::1/128".
class Network {
 public:
  /// Throws std::invalid_argument for anything else.
  explicit Network(const std::string& text);
  /// IPv4-mapped IPv6 addresses count as IPv4. False for what is no address.
  bool contains(const std::string& address) const;

 private:
  std::vector<unsigned char> bytes_;
  unsigned prefix_ = 0;
};

bool in_any(const std::vector<Network>& networks, const std::string& address);

/// Counts failures by key (an address) in windows; bounded. Thread-safe; shared by all loops.
class FailureLimit {
 public:
  FailureLimit(int failures, long window_s, std::size_t capacity)
      : failures_(failures), window_ms_(window_s * 1000), capacity_(capacity) {}
  /// Seconds until the key may try again; 0: now.
  int blocked_for(const std::string& key) const;
  void failed(const std::string& key);

 private:
  struct Window {
    std::int64_t begun_ms = 0;
    int count = 0;
  };
  int failures_;
  std::int64_t window_ms_;
  std::size_t capacity_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

class Authenticator;  // authenticator.hpp
class AuditLog;       // audit.hpp
class RequestLimits;  // request_limits.hpp

struct GuardDeps {
  pg::Pool* pool = nullptr;                  ///< of the loop
  std::shared_ptr<Authenticator> tokens;     ///< of the loop
  std::shared_ptr<Memberships> memberships;  ///< of the process, as all below
  std::shared_ptr<RequestLimits> limits;
  std::shared_ptr<AuditLog> audit;  ///< refusals are security events
  std::string internal_secret;      ///< empty: internal endpoints refuse everyone
  std::vector<Network> internal_networks;
};

/// The router's authorizer: address limit, token, caller's kind, tenant, caller's and tenant's
/// limits, permission; in this order.
http::Authorizer guard(GuardDeps deps);

/// For connections that outlive their request: throws what the guard would answer to the caller
/// now, HttpError 401 for a token that ended and 403 for a tenant that is closed.
Task<> check_standing(GuardDeps deps, Caller caller, std::string client_address);

/// The access token of a request: Authorization: Bearer, else cookie pulse_session; "" when
/// neither. `by_cookie` says which.
std::string token_of(const http::Request& request, bool& by_cookie);

/// Throws 403 unless the caller acts in a tenant: its user, or an operator whose token carries one.
void require_customer(const Caller& caller);

}  // namespace pulse::tenancy
