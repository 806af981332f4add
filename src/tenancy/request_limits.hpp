#pragma once
// How many requests a caller, a tenant and an address may make. Ingest has limits of its own.
#include <string>

#include "platform/http/message.hpp"
#include "platform/token_bucket.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

struct RequestLimitOptions {
  /// Requests a minute, averaged; a sixth of it may come at once. 0: no limit.
  long caller_per_minute = 3'000, address_per_minute = 12'000;
};

/// Shared by all loops; thread-safe.
class RequestLimits {
 public:
  explicit RequestLimits(RequestLimitOptions options);

  /// Before anyone is known: the address's limit. Throws HttpError 429 "Rate limit exceeded".
  void check_address(http::Request& request);
  /// A known caller: its own limit, and for API and Bearer callers the tenant's by its tier (people
  /// in the application are not counted there, so that a small tier does not lock them out). Adds
  /// RateLimit-Limit, -Remaining and -Reset (draft-ietf-httpapi-ratelimit-headers-03) of the limit
  /// that is nearest. Throws HttpError 429 with Retry-After.
  void check_caller(http::Request& request, const Caller& caller, const Membership* membership);

  /// How many of its `per_minute` requests a tenant has used up, as this process counts.
  std::int64_t used_by_tenant(const std::string& tenant_id, std::int64_t per_minute) const;

 private:
  RequestLimitOptions options_;
  TokenBuckets callers_, tenants_, addresses_;
};

}  // namespace pulse::tenancy
