#pragma once
// What a tenant's tier includes, for the rooms that offer it.
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// An account tier as its row says it.
struct Tier {
  std::string id, name;
  boost::json::object limits, features;
};

/// Nothing for a tenant without a tier.
Task<std::optional<Tier>> tier_of_tenant(TenantDb db);

/// Throws 403 "{words} is not included in tier ..." when the tier says so; what it does not name is
/// included.
Task<> require_feature(TenantCaller caller, std::string feature, std::string words);

}  // namespace pulse::tenancy
