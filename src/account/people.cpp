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

Task<tenancy::PeopleLock> lock_people(tenancy::TenantCaller caller) {
  return tenancy::lock_people(caller.db, caller.tenant());
}

namespace {

bool is_staff(const identity::DirectoryUser& user) {
  return has(user.roles, "operator") || has(user.roles, "operator-admin");
}

/// A person who signed in: an API token's scopes are less than its owner may.
bool is_self(const tenancy::Caller& who, const identity::DirectoryUser& user) {
  return user.id == who.user_id && who.by_api_token.empty();
}

}  // namespace

void require_may_manage(const tenancy::TenantCaller& caller, const identity::DirectoryUser& user) {
  const auto& who = caller.who;
  if (is_self(who, user) || (who.has_role("operator-admin") && who.by_api_token.empty())) return;
  if (is_staff(user)) throw forbidden("Nobody can change who may do more: platform staff");
  const bool administers = (who.is_tenant_admin() || who.is_operator()) && who.by_api_token.empty();
  if (has(user.roles, "tenant-admin") && !administers)
    throw forbidden("Nobody can change who may do more: a tenant administrator");
}

Task<> require_may_become(tenancy::TenantCaller caller, identity::DirectoryUser user) {
  require_may_manage(caller, user);
  if (is_self(caller.who, user)) co_return;
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
