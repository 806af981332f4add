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
  const auto wait =
      addresses_.take(request.client_address, per_minute(options_.address_per_minute));
  if (wait > 0) refuse(wait, "Rate limit exceeded");
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
    const auto n = static_cast<double>(membership->api_requests_per_minute);
    const Rate rate{n / 60, n};
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
  const auto whole = [](double d) { return std::to_string(static_cast<long>(std::max(0.0, d))); };
  request.answer_fields.emplace_back("RateLimit-Limit", whole(nearest->rate.burst));
  request.answer_fields.emplace_back("RateLimit-Remaining", whole(nearest->taken.left));
  request.answer_fields.emplace_back(
      "RateLimit-Reset",
      whole(std::ceil((nearest->rate.burst - nearest->taken.left) / nearest->rate.per_second)));
  if (wait_ms > 0) refuse(wait_ms, "Rate limit exceeded");
}

}  // namespace pulse::tenancy
