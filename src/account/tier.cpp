#include "account/tier.hpp"

#include "platform/errors.hpp"
#include "tenancy/tier.hpp"

namespace pulse::account {

namespace {

using tenancy::Tier;
using tenancy::tier_of_tenant;

std::optional<std::int64_t> limit_of(const Tier& tier, std::string_view name) {
  const auto* v = tier.limits.if_contains(name);
  if (!v || !v->is_int64()) return std::nullopt;
  return v->get_int64();
}

Task<std::int64_t> count_users(AccountDeps d, std::string tenant_id) {
  identity::UserQuery query;
  query.tenant_id = std::move(tenant_id);
  query.limit = 1;
  const auto page = co_await d.directory->users(std::move(query));
  co_return page.total;
}

Task<std::int64_t> count_groups(tenancy::TenantDb db) {
  const auto rows = co_await db.query(
      "SELECT (SELECT count(*) FROM device_groups) + (SELECT count(*) FROM dynamic_device_groups)");
  co_return rows.int64(0, 0);
}

Task<std::int64_t> count_rules(tenancy::TenantDb db) {
  const auto rows = co_await db.query("SELECT count(*) FROM alert_rules");
  co_return rows.int64(0, 0);
}

}  // namespace

Task<> require_room_for_user(AccountDeps d, tenancy::TenantCaller caller) {
  const auto tier = co_await tier_of_tenant(caller.db);
  if (!tier) co_return;
  const auto limit = limit_of(*tier, "users");
  if (!limit) co_return;
  const auto used = co_await count_users(d, caller.tenant());
  if (used >= *limit)
    throw forbidden("User limit reached: tier " + tier->name + " allows " + std::to_string(*limit) +
                    " users. Remove someone, or ask for a larger tier.");
}

Task<TierUse> use_of_tier(AccountDeps d, tenancy::TenantCaller caller) {
  TierUse out;
  const auto tier = co_await tier_of_tenant(caller.db);
  if (!tier) co_return out;
  out.tier_id = tier->id;
  out.tier_name = tier->name;
  out.features = tier->features;
  static constexpr std::pair<const char*, const char*> labels[] = {
      {"users", "People"},
      {"alert_rules", "Alert rules"},
      {"notification_channels", "Notification channels"},
      {"dashboards_per_user", "Dashboards of a person"},
      {"device_groups", "Device groups"},
      {"api_requests_per_minute", "API requests a minute"}};
  for (const auto& [name, label] : labels) {
    const auto limit = limit_of(*tier, name);
    if (!limit) continue;
    LimitUse use;
    use.name = name;
    use.label = label;
    use.limit = *limit;
    if (use.name == "users") use.used = co_await count_users(d, caller.tenant());
    if (use.name == "device_groups") use.used = co_await count_groups(caller.db);
    if (use.name == "alert_rules") use.used = co_await count_rules(caller.db);
    if (use.name == "api_requests_per_minute")
      use.used = d.request_limits->used_by_tenant(caller.tenant(), *limit);
    out.limits.push_back(std::move(use));
  }
  co_return out;
}

}  // namespace pulse::account
