// The tenant's people: invite, change, remove. They live in the directory; their roles here.
#include <algorithm>

#include "account/deps.hpp"
#include "account/people.hpp"
#include "account/tier.hpp"
#include "platform/email.hpp"
#include "platform/errors.hpp"
#include "platform/json/changes.hpp"
#include "tenancy/people.hpp"

namespace pulse::account {

namespace {

using identity::DirectoryUser;
using tenancy::TenantCaller;

struct UserListQuery {
  std::optional<std::string> search;
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(UserListQuery, (), (search, limit, offset))
inline auto constraints(json::As<UserListQuery>) {
  return json::rules<UserListQuery>()
      .length(&UserListQuery::search, 0, 200)
      .range(&UserListQuery::limit, 1, 500)
      .range(&UserListQuery::offset, 0, 1'000'000);
}
struct UserList {
  std::vector<DirectoryUser> users;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(UserList, (), (users, total, limit, offset))

struct InviteUser {
  std::string email;
  std::optional<std::string> first_name, last_name, role;
  std::optional<std::vector<std::string>> role_ids;  ///< roles of the tenant to begin with
};
BOOST_DESCRIBE_STRUCT(InviteUser, (), (email, first_name, last_name, role, role_ids))
inline auto constraints(json::As<InviteUser>) {
  return json::rules<InviteUser>()
      .length(&InviteUser::email, 3, 254)
      .length(&InviteUser::first_name, 0, 100)
      .length(&InviteUser::last_name, 0, 100)
      .check("email", [](const InviteUser& u) { return email_fault(u.email); });
}
struct Invited {
  std::string id, username, email, first_name, last_name, message;
};
BOOST_DESCRIBE_STRUCT(Invited, (), (id, username, email, first_name, last_name, message))

struct UpdateUser {
  std::optional<std::string> first_name, last_name, email;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(UpdateUser, (), (first_name, last_name, email, enabled))
inline auto constraints(json::As<UpdateUser>) {
  return json::rules<UpdateUser>()
      .length(&UpdateUser::first_name, 0, 100)
      .length(&UpdateUser::last_name, 0, 100)
      .check("email",
             [](const UpdateUser& u) { return u.email ? email_fault(*u.email) : std::string(); });
}
struct RealmRole {
  std::string role;
};
BOOST_DESCRIBE_STRUCT(RealmRole, (), (role))
struct Sessions {
  std::vector<identity::UserSession> sessions;
};
BOOST_DESCRIBE_STRUCT(Sessions, (), (sessions))

void require_tenant_role(const std::string& role) {
  if (role != "customer" && role != "tenant-admin")
    throw bad_request("Invalid role. Must be one of: ['customer', 'tenant-admin']");
}

/// Realm role tenant-admin holds everything, so only who holds everything may hand it out.
void require_may_grant(const TenantCaller& caller, const std::string& role) {
  const bool person = caller.who.by_api_token.empty();
  if (role == "tenant-admin" &&
      !(person && (caller.who.is_tenant_admin() || caller.who.is_operator())))
    throw forbidden("Only a tenant administrator can make another one");
}

Task<> tell(AccountDeps d, TenantCaller caller, std::string type, std::string action,
            DirectoryUser user, std::string message, boost::json::object details = {}) {
  auto event = tenancy::AuditLog::security(caller.who, caller.client_address, caller.request_id,
                                           caller.tenant(), std::move(type), std::move(action),
                                           "user", user.id, std::move(message), std::move(details));
  event.entity_name = user.username;
  co_await d.audit->record(std::move(event));
}

bool has_role(const DirectoryUser& user, const char* role) {
  return std::find(user.roles.begin(), user.roles.end(), role) != user.roles.end();
}
/// What the user is beside an administrator of this tenant; at least a customer.
std::vector<std::string> without_admin(const DirectoryUser& user) {
  auto roles = user.roles;
  std::erase(roles, std::string("tenant-admin"));
  if (!has_role(user, "customer")) roles.emplace_back("customer");
  return roles;
}

/// After a user's rights shrank: nothing that was handed out before goes on. Our own refusals come
/// first: they hold whatever the directory says.
Task<> end_access(AccountDeps d, TenantCaller caller, std::string user_id) {
  co_await d.revocations->end_user(*d.pool, user_id);
  d.memberships->changed(caller.tenant(), user_id);
  d.api_tokens->changed();
  co_await d.directory->end_sessions(user_id);
}

/// Turns the person's account on or off; their API tokens and sessions follow. Call it under
/// lock_people, so that the two never disagree.
Task<> set_account(AccountDeps d, TenantCaller caller, std::string user_id,
                   identity::UserChanges changes) {
  const auto enabled = changes.enabled;
  co_await d.directory->update(user_id, std::move(changes));
  if (!enabled) co_return;
  co_await tenancy::accept_tokens_of(caller.db, user_id, *enabled);
  d.api_tokens->changed();
  if (*enabled) co_return;
  co_await end_access(d, caller, user_id);
  // For a token that was being made meanwhile.
  co_await tenancy::accept_tokens_of(caller.db, user_id, false);
  d.api_tokens->changed();
}

Task<UserList> list_users(AccountDeps d, TenantCaller caller, http::Query<UserListQuery> query) {
  identity::UserQuery wanted;
  wanted.search = query->search.value_or("");
  wanted.tenant_id = caller.tenant();
  wanted.limit = query->limit;
  wanted.offset = query->offset;
  auto page = co_await d.directory->users(std::move(wanted));
  co_return UserList{std::move(page.users), page.total, query->limit, query->offset};
}

Task<DirectoryUser> get_user(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  return user_of_tenant(d, std::move(caller), user_id.value);
}

Task<Invited> invite(AccountDeps d, TenantCaller caller, http::Body<InviteUser> body) {
  const auto role = body->role.value_or("customer");
  require_tenant_role(role);
  require_may_grant(caller, role);
  std::vector<std::string> role_ids;
  if (body->role_ids) {
    if (!caller.may(admin_permission)) throw forbidden("Permission required: users.roles");
    const auto granted = co_await grantable_roles(caller, *body->role_ids);
    for (const auto& r : granted) role_ids.push_back(r.id);
  }
  const auto known = co_await d.directory->user_of_email(body->email);
  if (known) throw conflict("User with this email already exists");
  // One invitation at a time in a tenant, so that the limit holds.
  auto lock = co_await lock_people(caller);
  co_await require_room_for_user(d, caller);
  identity::CreateUser user;
  user.email = body->email;
  user.username = co_await identity::free_username(*d.directory, body->email);
  user.first_name = body->first_name.value_or("");
  user.last_name = body->last_name.value_or("");
  user.tenant_id = caller.tenant();
  user.roles = {role};
  if (role == "tenant-admin") user.roles.emplace_back("customer");
  const auto id = co_await d.directory->create(user);
  std::exception_ptr undone;
  bool removed = false;
  try {
    co_await lock.commit();
    if (!role_ids.empty())
      co_await replace_assignments(caller.db, caller.tenant(), id, std::move(role_ids),
                                   caller.who.user_id);
    removed = true;  // by what follows, should it fail
    co_await identity::invite_or_remove(*d.directory, id, caller.who.username);
  } catch (...) {  // thrown on below
    undone = std::current_exception();
  }
  if (undone) {
    co_await tenancy::forget_person(caller.db, id);
    if (!removed) co_await d.directory->remove(id);
    std::rethrow_exception(undone);
  }
  DirectoryUser made;
  made.id = id;
  made.username = user.username;
  boost::json::object details{{"email", user.email}, {"role", role}};
  co_await tell(d, caller, "user.invited", "invite", made, "Invited " + user.email,
                std::move(details));
  Invited out{id,
              user.username,
              user.email,
              user.first_name,
              user.last_name,
              "User invited successfully. Password reset email sent."};
  co_return out;
}

Task<Message> update_user(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id,
                          http::Body<UpdateUser> body) {
  auto lock = co_await lock_people(caller);
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  const bool disables = body->enabled && !*body->enabled;
  if (disables && user.id == caller.who.user_id)
    throw bad_request("Cannot disable your own account");
  // Whole objects come back too: what stays as it is needs no right.
  if (body->email && *body->email != user.email) co_await require_may_become(caller, user);
  if (body->enabled && *body->enabled != user.enabled) require_may_manage(caller, user);
  if (disables) co_await require_another_admin(d, caller, user, true);
  identity::UserChanges changes{body->email, body->first_name, body->last_name, body->enabled};
  co_await set_account(d, caller, user.id, std::move(changes));
  co_await lock.commit();
  const auto after = co_await d.directory->user(user.id);
  co_await tell(d, caller, "user.updated", "update", user, "Changed " + user.username,
                json::changes_of(user, after));
  co_return Message{"User updated successfully"};
}

Task<Message> set_enabled(AccountDeps d, TenantCaller caller, std::string user_id, bool enabled) {
  auto lock = co_await lock_people(caller);
  const auto user = co_await user_of_tenant(d, caller, user_id);
  if (!enabled && user.id == caller.who.user_id)
    throw bad_request("Cannot disable your own account");
  require_may_manage(caller, user);
  if (!enabled) co_await require_another_admin(d, caller, user, true);
  identity::UserChanges changes;
  changes.enabled = enabled;
  co_await set_account(d, caller, user.id, std::move(changes));
  co_await lock.commit();
  const std::string done = enabled ? "enabled" : "disabled";
  auto details = json::changes_between({{"enabled", user.enabled}}, {{"enabled", enabled}});
  co_await tell(d, caller, "user." + done, enabled ? "enable" : "disable", user,
                user.username + " " + done, std::move(details));
  co_return Message{"User " + done};
}

Task<Message> enable_user(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  return set_enabled(d, std::move(caller), user_id.value, true);
}
Task<Message> disable_user(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  return set_enabled(d, std::move(caller), user_id.value, false);
}

Task<Message> change_realm_role(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id,
                                http::Body<RealmRole> body) {
  require_tenant_role(body->role);
  if (user_id.value == caller.who.user_id) throw bad_request("Cannot change your own role");
  auto lock = co_await lock_people(caller);
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  const bool was_admin = has_role(user, "tenant-admin");
  const bool becomes_admin = body->role == "tenant-admin";
  if (was_admin != becomes_admin) require_may_grant(caller, "tenant-admin");
  require_may_manage(caller, user);
  if (was_admin && !becomes_admin) co_await require_another_admin(d, caller, user, true);
  auto roles = without_admin(user);
  if (becomes_admin) roles.emplace_back("tenant-admin");
  co_await d.directory->set_roles(user.id, std::move(roles));
  co_await caller.db.query(
      "UPDATE api_tokens SET owner_is_admin = $2 WHERE user_id = $1 AND owner_is_admin <> $2",
      pg::Params::of(user.id, becomes_admin));
  co_await lock.commit();
  // The role stands in tokens that are out already.
  if (was_admin && !becomes_admin) co_await end_access(d, caller, user.id);
  d.api_tokens->changed();
  auto details = json::changes_between({{"role", was_admin ? "tenant-admin" : "customer"}},
                                       {{"role", body->role}});
  co_await tell(d, caller, "user.role_changed", "change_role", user,
                user.username + " is now " + body->role, std::move(details));
  co_return Message{"User role changed to " + body->role};
}

Task<Message> remove_user(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  if (user_id.value == caller.who.user_id) throw bad_request("Cannot remove yourself from tenant");
  auto lock = co_await lock_people(caller);
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  require_may_manage(caller, user);
  co_await require_another_admin(d, caller, user, true);
  // What is ours goes first, the membership last: a try that stopped midway can be made again.
  co_await tenancy::forget_person(caller.db, user.id);
  d.api_tokens->changed();
  co_await end_access(d, caller, user.id);
  // A realm role would come alive again in the next tenant.
  if (has_role(user, "tenant-admin")) co_await d.directory->set_roles(user.id, without_admin(user));
  co_await d.directory->set_tenant(user.id, std::nullopt);
  // For who came in, or made a token, between the two.
  co_await tenancy::forget_person(caller.db, user.id);
  co_await d.revocations->end_user(*d.pool, user.id);
  d.memberships->changed(caller.tenant(), user.id);
  d.api_tokens->changed();
  co_await lock.commit();
  co_await tell(d, caller, "user.removed_from_tenant", "remove_from_tenant", user,
                user.username + " removed");
  co_return Message{"User removed from tenant"};
}

Task<Message> reset_password(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  co_await require_may_become(caller, user);
  co_await d.directory->send_action(user.id, identity::EmailAction::password_reset);
  co_await tell(d, caller, "user.password_reset_sent", "password_reset", user,
                "Password reset email sent to " + user.username);
  co_return Message{"Password reset email sent"};
}

Task<Sessions> list_sessions(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id) {
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  Sessions out;
  out.sessions = co_await d.directory->sessions(user.id);
  co_return out;
}

Task<http::NoContent> end_sessions(AccountDeps d, TenantCaller caller,
                                   http::Path<"user_id"> user_id) {
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  co_await d.revocations->end_user(*d.pool, user.id);
  co_await d.directory->end_sessions(user.id);
  co_await tell(d, caller, "user.sessions_ended", "end_sessions", user,
                "All sessions of " + user.username + " ended");
  co_return http::NoContent{};
}

}  // namespace

void mount_users(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/users";
  const auto one = base + "/{user_id}";
  const auto told = [](http::Endpoint e) {
    return e.tag("Team").fails(404, "User not found").fails(502, "Directory error");
  };
  const auto guarded = [&](http::Endpoint e) {
    return told(e).fails(403, "Nobody can change who may do more");
  };
  api.get(base, http::bound(d, list_users))
      .needs("users.read")
      .tag("Team")
      .summary("The people of the organization")
      .fails(502, "Directory error");
  told(api.get(one, http::bound(d, get_user)).needs("users.read").summary("One person"));
  api.post(base + "/invite", http::bound(d, invite))
      .needs("users.invite")
      .tag("Team")
      .summary("Invite a person by email")
      .example({{"email", "kay@example.com"}, {"first_name", "Kay"}, {"role", "customer"}})
      .fails(400, "Invalid role. Must be one of: ['customer', 'tenant-admin']")
      .fails(403, "User limit reached")
      .fails(409, "User with this email already exists")
      .fails(502, "Directory error");
  guarded(api.put(one, http::bound(d, update_user)).needs("users.edit").summary("Change a person"))
      .example({{"first_name", "Kay"}})
      .fails(400, "Cannot disable your own account")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  guarded(api.post(one + "/enable", http::bound(d, enable_user))
              .needs("users.edit")
              .summary("Let a person in again"));
  guarded(api.post(one + "/disable", http::bound(d, disable_user))
              .needs("users.edit")
              .summary("Lock a person out; sessions end at once"))
      .fails(400, "Cannot disable your own account")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  guarded(api.post(one + "/role", http::bound(d, change_realm_role))
              .needs("users.roles")
              .summary("Make a person tenant administrator, or not"))
      .example({{"role", "tenant-admin"}})
      .fails(400, "Invalid role. Must be one of: ['customer', 'tenant-admin']")
      .fails(400, "Cannot change your own role")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  guarded(api.del(one, http::bound(d, remove_user))
              .needs("users.remove")
              .summary("Remove a person from the organization; sessions end at once"))
      .fails(400, "Cannot remove yourself from tenant")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  guarded(api.post(one + "/reset-password", http::bound(d, reset_password))
              .needs("users.edit")
              .summary("Send a link for a new password"));
  told(api.get(one + "/sessions", http::bound(d, list_sessions))
           .needs("users.read")
           .summary("Where a person is signed in"));
  told(api.del(one + "/sessions", http::bound(d, end_sessions))
           .needs("users.edit")
           .summary("Sign a person out everywhere"));
}

}  // namespace pulse::account
