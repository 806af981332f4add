#pragma once
// What a tenant's tier allows, and what is used of it.
#include "account/deps.hpp"
#include "tenancy/caller.hpp"

namespace pulse::account {

/// A limit of the tier with what is used; `used` is nothing where nothing counts it yet.
struct LimitUse {
  std::string name, label;
  std::int64_t limit = 0;
  std::optional<std::int64_t> used;
};
BOOST_DESCRIBE_STRUCT(LimitUse, (), (name, label, limit, used))
struct TierUse {
  std::optional<std::string> tier_id, tier_name;
  std::vector<LimitUse> limits;
  boost::json::object features;
};
BOOST_DESCRIBE_STRUCT(TierUse, (), (tier_id, tier_name, limits, features))

Task<TierUse> use_of_tier(AccountDeps d, tenancy::TenantCaller caller);

/// Throws 403 "User limit reached: ..." when the tier has no room for one more person. Call it
/// under lock_people.
Task<> require_room_for_user(AccountDeps d, tenancy::TenantCaller caller);

}  // namespace pulse::account
