#include "tenancy/request_limits.hpp"

#include <cmath>

#include "platform/errors.hpp"
#include "platform/limits.hpp"

namespace pulse::tenancy {

namespace {

Rate per_minute(long requests) {
  const auto n = static_cast<double>(requests);
  return {n / 60, std::max(10.0, n / 6)};
}

struct Counted {
  Rate rate;
  TokenBuckets::Taken taken;
};

/// A tier's requests a minute: as many may come at once.
Rate of_tier(std::int64_t requests) {
  const auto n = static_cast<double>(requests);
  return {n / 60, n};
}

/// RateLimit-Limit, -Remaining and -Reset of what was found.
void tell(http::Request& request, const Counted& c) {
  const auto whole = [](double d) { return std::to_string(static_cast<long>(std::max(0.0, d))); };
  request.answer_fields.emplace_back("RateLimit-Limit", whole(c.rate.burst));
  request.answer_fields.emplace_back("RateLimit-Remaining", whole(c.taken.left));
  request.answer_fields.emplace_back(
      "RateLimit-Reset", whole(std::ceil((c.rate.burst - c.taken.left) / c.rate.per_second)));
}

[[noreturn]] void refuse(std::int64_t wait_ms, const std::string& detail) {
  throw too_many(detail, static_cast<int>((wait_ms + 999) / 1000));
}

}  // namespace

RequestLimits::RequestLimits(RequestLimitOptions options)
    : options_(options),
      callers_(limits::rate_buckets),
      tenants_(limits::rate_buckets),
      addresses_(limits::rate_buckets) {}

void RequestLimits::check_address(http::Request& request) {
  if (options_.address_per_minute == 0) return;
  const auto rate = per_minute(options_.address_per_minute);
  const Counted counted{rate, addresses_.take_counted(request.client_address, rate)};
  if (counted.taken.wait_ms == 0) return;  // the caller's own limit is told
  tell(request, counted);
  refuse(counted.taken.wait_ms, "Rate limit exceeded");
}

std::int64_t RequestLimits::used_by_tenant(const std::string& tenant_id,
                                           std::int64_t per_minute) const {
  const auto rate = of_tier(per_minute);
  return static_cast<std::int64_t>(std::ceil(rate.burst - tenants_.left(tenant_id, rate)));
}

void RequestLimits::check_caller(http::Request& request, const Caller& caller,
                                 const Membership* membership) {
  std::vector<Counted> counted;
  if (options_.caller_per_minute > 0) {
    const auto rate = per_minute(options_.caller_per_minute);
    const auto& key = caller.by_api_token.empty() ? caller.user_id : caller.by_api_token;
    counted.push_back({rate, callers_.take_counted(key, rate)});
  }
  if (membership && membership->api_requests_per_minute > 0 && !caller.by_cookie) {
    const auto rate = of_tier(membership->api_requests_per_minute);
    counted.push_back({rate, tenants_.take_counted(caller.tenant_id, rate)});
  }
  const Counted* nearest = nullptr;
  std::int64_t wait_ms = 0;
  for (const auto& c : counted) {
    wait_ms = std::max(wait_ms, c.taken.wait_ms);
    if (!nearest || c.taken.left / c.rate.burst < nearest->taken.left / nearest->rate.burst)
      nearest = &c;
  }
  if (!nearest) return;
  tell(request, *nearest);
  if (wait_ms > 0) refuse(wait_ms, "Rate limit exceeded");
}

}  // namespace pulse::tenancy
