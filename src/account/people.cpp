#include "account/people.hpp"

#include <algorithm>
#include <set>

#include "platform/errors.hpp"

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

Task<pg::Transaction> lock_people(tenancy::TenantCaller caller) {
  auto transaction = co_await caller.db.begin();
  co_await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('people:' || $1, 0))",
                             pg::Params::of(caller.tenant()));
  co_return transaction;
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
  const auto holders = co_await users_holding(caller.db, admin_permission);
  const std::set<std::string> holding(holders.begin(), holders.end());
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

}  // namespace pulse::account
