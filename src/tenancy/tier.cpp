#include "tenancy/tier.hpp"

#include "platform/errors.hpp"

namespace pulse::tenancy {

namespace {
const std::string select_tier =
    "SELECT a.tier_id, a.name, a.limits, a.features FROM tenants t "
    "JOIN account_tiers a ON a.tier_id = t.account_tier_id";
}  // namespace

Task<std::optional<Tier>> tier_of_tenant(TenantDb db) {
  const auto rows = co_await db.query(select_tier);
  if (rows.empty()) co_return std::nullopt;
  Tier tier;
  tier.id = std::string(rows.text(0, 0));
  tier.name = std::string(rows.text(0, 1));
  tier.limits = boost::json::parse(rows.text(0, 2)).as_object();
  tier.features = boost::json::parse(rows.text(0, 3)).as_object();
  co_return tier;
}

Task<> require_feature(TenantCaller caller, std::string feature, std::string words) {
  const auto tier = co_await tier_of_tenant(caller.db);
  if (!tier) co_return;
  const auto* included = tier->features.if_contains(feature);
  if (!included || !included->is_bool() || included->get_bool()) co_return;
  words += " is not included in tier ";
  words += tier->name;
  words += ": ask for a larger tier";
  throw forbidden(words);
}

}  // namespace pulse::tenancy
