#include "account/people.hpp"

#include <algorithm>
#include <set>

#include "platform/errors.hpp"
#include "platform/loop.hpp"

namespace pulse::account {

namespace {

constexpr std::int64_t page = 500;

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

Task<identity::DirectoryUser> user_of_tenant(AccountDeps d, tenancy::TenantCaller caller,
                                             std::string user_id) {
  auto user = co_await d.directory->user(std::move(user_id));
  if (user.tenant_id != caller.tenant()) throw not_found("User not found");
  co_return user;
}

namespace {

constexpr long lock_wait_ms = 10'000, lock_try_every_ms = 25;
/// Each holder needs a second connection of the loop's pool for its work.
constexpr int holders_per_loop = 4;
thread_local int holders = 0;

std::shared_ptr<void> take_place() {
  ++holders;
  return {&holders, [](int* counted) { --*counted; }};
}

}  // namespace

Task<PeopleLock> lock_people(tenancy::TenantCaller caller) {
  for (long waited = 0; waited < lock_wait_ms; waited += lock_try_every_ms) {
    if (holders < holders_per_loop) {
      auto place = take_place();
      auto transaction = co_await caller.db.begin();
      const auto mine = co_await transaction.query(
          "SELECT pg_try_advisory_xact_lock(hashtextextended('people:' || $1, 0))",
          pg::Params::of(caller.tenant()));
      if (mine.boolean(0, 0)) co_return PeopleLock(std::move(transaction), std::move(place));
      co_await transaction.rollback();
    }
    co_await sleep_ms(lock_try_every_ms);
  }
  throw unavailable("The people of this organization are being changed; try again");
}

Task<> require_may_change(tenancy::TenantCaller caller, identity::DirectoryUser user) {
  if (user.id == caller.who.user_id) co_return;
  if (has(user.roles, "tenant-admin") && !caller.who.is_tenant_admin() && !caller.who.is_operator())
    throw forbidden("Nobody can change who may do more: a tenant administrator");
  const auto held = co_await permissions_of_user(caller.db, user.id);
  for (const auto& permission : held)
    if (!caller.may(permission))
      throw forbidden("Nobody can change who may do more: " + permission);
}

Task<std::vector<identity::DirectoryUser>> people_of_tenant(AccountDeps d, std::string tenant_id) {
  std::vector<identity::DirectoryUser> out;
  while (true) {
    identity::UserQuery query;
    query.tenant_id = tenant_id;
    query.limit = page;
    query.offset = static_cast<std::int64_t>(out.size());
    auto some = co_await d.directory->users(query);
    const bool last = some.users.empty() ||
                      static_cast<std::int64_t>(out.size() + some.users.size()) >= some.total;
    for (auto& u : some.users) out.push_back(std::move(u));
    if (last) co_return out;
  }
}

Task<> require_another_admin(AccountDeps d, tenancy::TenantCaller caller,
                             identity::DirectoryUser user, bool wholly) {
  const auto by_role = co_await users_holding(caller.db, admin_permission);
  const std::set<std::string> holding(by_role.begin(), by_role.end());
  const auto administers = [&](const identity::DirectoryUser& u) {
    return u.enabled && (has(u.roles, "tenant-admin") || holding.contains(u.id));
  };
  if (!administers(user)) co_return;
  // Losing roles alone does not end what the realm's role gives.
  if (!wholly && has(user.roles, "tenant-admin")) co_return;
  const auto people = co_await people_of_tenant(d, caller.tenant());
  for (const auto& other : people)
    if (other.id != user.id && administers(other)) co_return;
  throw conflict("The last administrator can't be demoted, disabled or removed");
}

Task<> require_admin_without(AccountDeps d, tenancy::TenantCaller caller, std::string role_id) {
  const auto by_others = co_await users_holding(caller.db, admin_permission, std::move(role_id));
  const std::set<std::string> holding(by_others.begin(), by_others.end());
  const auto people = co_await people_of_tenant(d, caller.tenant());
  for (const auto& u : people)
    if (u.enabled && (has(u.roles, "tenant-admin") || holding.contains(u.id))) co_return;
  throw conflict("The last administrator can't be demoted, disabled or removed");
}

}  // namespace pulse::account
