// The tiers of accounts, as platform staff choose them for tenants.
#include "operations/deps.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::operations {

namespace {

struct AccountTier {
  std::string tier_id, name, description;
  boost::json::object limits, features, support;
  std::int64_t monthly_price_cents = 0, annual_price_cents = 0;
  bool is_active = true;
  std::int64_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(AccountTier, (),
                      (tier_id, name, description, limits, features, support, monthly_price_cents,
                       annual_price_cents, is_active, sort_order))
struct AccountTiers {
  std::vector<AccountTier> tiers;
};
BOOST_DESCRIBE_STRUCT(AccountTiers, (), (tiers))

Task<AccountTiers> list_tiers(OperationsDeps, tenancy::OperatorCaller caller) {
  const auto rows = co_await caller.db.read(
      "list_account_tiers", "",
      "SELECT tier_id, name, description, limits, features, support, monthly_price_cents, "
      "annual_price_cents, is_active, sort_order FROM account_tiers ORDER BY sort_order, tier_id");
  AccountTiers out;
  out.tiers = pg::rows_as<AccountTier>(rows);
  co_return out;
}

}  // namespace

void mount_tiers(http::Router& api, const OperationsDeps& d) {
  api.get("/api/v1/operator/account-tiers", http::bound(d, list_tiers))
      .operators()
      .tag("Tenants")
      .summary("Tiers of accounts with their limits");
}

}  // namespace pulse::operations
