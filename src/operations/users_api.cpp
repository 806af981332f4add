// People across tenants, and platform staff.
#include "operations/deps.hpp"
#include "platform/email.hpp"
#include "platform/errors.hpp"
#include "platform/json/changes.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/people.hpp"

namespace pulse::operations {

namespace {

using identity::DirectoryUser;
using tenancy::OperatorCaller;
using Text = std::optional<std::string>;

struct UserListQuery {
  Text search, tenant_filter;
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(UserListQuery, (), (search, tenant_filter, limit, offset))
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
struct Message {
  std::string message;
};
BOOST_DESCRIBE_STRUCT(Message, (), (message))
struct Sent {
  std::string status = "ok", message = "Password-set email sent";
};
BOOST_DESCRIBE_STRUCT(Sent, (), (status, message))

struct CreateUser {
  std::string username, email;
  Text first_name, last_name, temporary_password, tenant_id, role;
};
BOOST_DESCRIBE_STRUCT(CreateUser, (),
                      (username, email, first_name, last_name, temporary_password, tenant_id, role))
inline auto constraints(json::As<CreateUser>) {
  return json::rules<CreateUser>()
      .length(&CreateUser::username, 1, 200)
      .length(&CreateUser::email, 3, 254)
      .length(&CreateUser::first_name, 0, 100)
      .length(&CreateUser::last_name, 0, 100)
      .length(&CreateUser::temporary_password, 8, 200)
      .check("username",
             [](const CreateUser& u) -> std::string {
               for (const unsigned char c : u.username)
                 if (c <= 0x20 || c == 0x7f) return "must have no spaces or control characters";
               return {};
             })
      .check("email", [](const CreateUser& u) { return email_fault(u.email); });
}
struct Created {
  std::string id, username, email, first_name, last_name, message;
};
BOOST_DESCRIBE_STRUCT(Created, (), (id, username, email, first_name, last_name, message))
struct UpdateUser {
  Text first_name, last_name, email;
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
struct AssignRole {
  std::string role;
};
BOOST_DESCRIBE_STRUCT(AssignRole, (), (role))
struct AssignTenant {
  std::string tenant_id;
};
BOOST_DESCRIBE_STRUCT(AssignTenant, (), (tenant_id))
struct SetPassword {
  std::string password;
  std::optional<bool> temporary;
};
BOOST_DESCRIBE_STRUCT(SetPassword, (), (password, temporary))
inline auto constraints(json::As<SetPassword>) {
  return json::rules<SetPassword>().length(&SetPassword::password, 8, 200);
}
struct Organizations {
  std::vector<identity::Organization> organizations;
};
BOOST_DESCRIBE_STRUCT(Organizations, (), (organizations))
struct Sessions {
  std::vector<identity::UserSession> sessions;
};
BOOST_DESCRIBE_STRUCT(Sessions, (), (sessions))

void require_role(const std::string& role) {
  for (const auto* known : identity::realm_roles)
    if (role == known) return;
  throw bad_request(
      "Invalid role. Must be one of: ['customer', 'tenant-admin', 'operator', 'operator-admin']");
}

/// The roles of a set with one added, as they make sense together.
std::vector<std::string> with_role(std::vector<std::string> roles, const std::string& role) {
  if (role == "tenant-admin") roles.emplace_back("customer");
  if (role == "operator-admin") roles.emplace_back("operator");
  roles.push_back(role);
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  return roles;
}

/// The line of the operators' log, and the event in the log of the tenant that it concerns. The
/// directory is no table of ours, so the line is written before the deed: a trace without a deed is
/// better than the reverse.
Task<> note(OperatorCaller caller, std::string action, std::string tenant) {
  co_await caller.db.write(std::move(action), std::move(tenant), "SELECT 1", {});
}
Task<> tell(OperationsDeps d, OperatorCaller caller, DirectoryUser user, std::string type,
            std::string action, std::string message, boost::json::object details = {}) {
  auto event = tenancy::AuditLog::security(
      caller.who, caller.client_address, caller.request_id, user.tenant_id.value_or(""),
      std::move(type), std::move(action), "user", user.id, std::move(message), std::move(details));
  event.entity_name = user.username;
  co_await d.audit->record(std::move(event));
}

/// Our own refusals come first: they hold whatever the directory says.
Task<> end_access(OperationsDeps d, std::string user_id) {
  co_await d.revocations->end_user(*d.pool, user_id);
  d.api_tokens->changed();
  co_await d.directory->end_sessions(user_id);
}

tenancy::TenantDb tenant_of(const OperationsDeps& d, const std::string& tenant_id) {
  return tenancy::TenantDb::for_worker(*d.pool, tenant_id, "an operator changes its people");
}

/// Turns the person's account on or off, one change at a time; API tokens and sessions follow.
Task<> set_account(OperationsDeps d, DirectoryUser user, identity::UserChanges changes) {
  std::optional<tenancy::PeopleLock> lock;
  if (user.tenant_id && changes.enabled)
    lock.emplace(co_await tenancy::lock_people(tenant_of(d, *user.tenant_id), *user.tenant_id));
  const auto enabled = changes.enabled;
  co_await d.directory->update(user.id, std::move(changes));
  if (!enabled) co_return;
  const auto accept = [&](bool accepted) -> Task<> {
    if (user.tenant_id)
      co_await tenancy::accept_tokens_of(tenant_of(d, *user.tenant_id), user.id, accepted);
    d.api_tokens->changed();
  };
  co_await accept(*enabled);
  if (!*enabled) {
    co_await end_access(d, user.id);
    co_await accept(false);  // for a token that was being made meanwhile
  }
  if (lock) co_await lock->commit();
}

Task<UserList> list_users(OperationsDeps d, OperatorCaller caller,
                          http::Query<UserListQuery> query) {
  co_await note(caller, "list_users", query->tenant_filter.value_or(""));
  identity::UserQuery wanted;
  wanted.search = query->search.value_or("");
  wanted.tenant_id = query->tenant_filter.value_or("");
  wanted.limit = query->limit;
  wanted.offset = query->offset;
  auto page = co_await d.directory->users(std::move(wanted));
  UserList out{std::move(page.users), page.total, query->limit, query->offset};
  co_return out;
}

Task<DirectoryUser> get_user(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  co_await note(caller, "get_user", "");
  co_return co_await d.directory->user(id.value);
}

/// The tenant's name.
Task<std::string> require_tenant(OperatorCaller caller, std::string tenant_id) {
  const auto rows = co_await caller.db.read(
      "get_tenant", tenant_id,
      "SELECT name FROM tenants WHERE tenant_id = $1 AND status <> 'DELETED'",
      pg::Params::of(tenant_id));
  if (rows.empty()) throw not_found("Tenant not found");
  co_return std::string(rows.text(0, 0));
}

Task<Created> create_user(OperationsDeps d, OperatorCaller caller, http::Body<CreateUser> body) {
  const auto role = body->role.value_or("customer");
  require_role(role);
  const bool of_tenant = role == "customer" || role == "tenant-admin";
  if (!of_tenant && body->tenant_id) throw bad_request("Operators belong to no tenant");
  if (body->tenant_id) co_await require_tenant(caller, *body->tenant_id);
  co_await caller.db.about("user", body->username)
      .write("create_user", body->tenant_id.value_or(""), "SELECT 1");
  const auto same_email = co_await d.directory->user_of_email(body->email);
  if (same_email) throw conflict("User with this email already exists");
  identity::CreateUser user;
  user.username = body->username;
  user.email = body->email;
  user.first_name = body->first_name.value_or("");
  user.last_name = body->last_name.value_or("");
  user.password = body->temporary_password.value_or("");
  user.tenant_id = body->tenant_id.value_or("");
  user.roles = with_role({}, role);
  const auto id = co_await d.directory->create(user);
  DirectoryUser made;
  made.id = id;
  made.username = user.username;
  if (body->tenant_id) made.tenant_id = *body->tenant_id;
  co_await tell(d, caller, made, "user.created", "create", "User " + user.username + " created");
  Created out{
      id, user.username, user.email, user.first_name, user.last_name, "User created successfully"};
  co_return out;
}

Task<Message> update_user(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                          http::Body<UpdateUser> body) {
  const auto user = co_await d.directory->user(id.value);
  const bool disables = body->enabled && !*body->enabled;
  if (disables && id.value == caller.who.user_id)
    throw bad_request("Cannot disable your own account");
  co_await note(caller, "update_user", user.tenant_id.value_or(""));
  identity::UserChanges changes{body->email, body->first_name, body->last_name, body->enabled};
  co_await set_account(d, user, std::move(changes));
  const auto after = co_await d.directory->user(user.id);
  co_await tell(d, caller, user, "user.updated", "update", "User " + user.username + " changed",
                json::changes_of(user, after));
  co_return Message{"User updated successfully"};
}

Task<Message> delete_user(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  if (id.value == caller.who.user_id) throw bad_request("Cannot delete your own account");
  const auto user = co_await d.directory->user(id.value);
  // What is ours goes first, in whatever tenant it is: a try that stopped midway can be made again.
  const auto who = pg::Params::of(user.id);
  std::vector<pg::Statement> work;
  work.emplace_back("DELETE FROM user_role_assignments WHERE user_id = $1", who);
  work.emplace_back("DELETE FROM user_preferences WHERE user_id = $1", who);
  work.emplace_back(
      "UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL", who);
  co_await caller.db.write_all("delete_user", user.tenant_id.value_or(""), std::move(work));
  co_await end_access(d, user.id);
  co_await d.directory->remove(user.id);
  if (user.tenant_id) d.memberships->changed(*user.tenant_id, user.id);
  co_await tell(d, caller, user, "user.deleted", "delete", "User " + user.username + " deleted");
  co_return Message{"User deleted successfully"};
}

Task<Message> set_enabled(OperationsDeps d, OperatorCaller caller, std::string id, bool enabled) {
  if (!enabled && id == caller.who.user_id) throw bad_request("Cannot disable your own account");
  const auto user = co_await d.directory->user(id);
  co_await note(caller, enabled ? "enable_user" : "disable_user", user.tenant_id.value_or(""));
  identity::UserChanges changes;
  changes.enabled = enabled;
  co_await set_account(d, user, std::move(changes));
  const std::string done = enabled ? "enabled" : "disabled";
  auto details = json::changes_between({{"enabled", user.enabled}}, {{"enabled", enabled}});
  co_await tell(d, caller, user, "user." + done, enabled ? "enable" : "disable",
                "User " + user.username + " " + done, std::move(details));
  co_return Message{"User " + done};
}
Task<Message> enable_user(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  return set_enabled(d, std::move(caller), id.value, true);
}
Task<Message> disable_user(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  return set_enabled(d, std::move(caller), id.value, false);
}

Task<Message> add_role(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                       http::Body<AssignRole> body) {
  require_role(body->role);
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "assign_role", user.tenant_id.value_or(""));
  auto after = user;
  after.roles = with_role(user.roles, body->role);
  co_await d.directory->set_roles(user.id, after.roles);
  co_await tell(d, caller, user, "user.role_assigned", "assign_role",
                body->role + " given to " + user.username, json::changes_of(user, after));
  co_return Message{"Role " + body->role + " assigned"};
}

Task<Message> remove_role(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                          http::Path<"role_name"> role) {
  require_role(role.value);
  const auto user = co_await d.directory->user(id.value);
  if (id.value == caller.who.user_id && role.value.starts_with("operator"))
    throw bad_request("Cannot remove your own operator role");
  co_await note(caller, "remove_role", user.tenant_id.value_or(""));
  auto after = user;
  std::erase(after.roles, role.value);
  if (role.value == "operator") std::erase(after.roles, std::string("operator-admin"));
  co_await d.directory->set_roles(user.id, after.roles);
  co_await end_access(d, user.id);
  if (role.value == "tenant-admin" && user.tenant_id) {
    co_await caller.db.write("demote_tokens", *user.tenant_id,
                             "UPDATE api_tokens SET owner_is_admin = false WHERE user_id = $1",
                             pg::Params::of(user.id));
    d.api_tokens->changed();
  }
  co_await tell(d, caller, user, "user.role_removed", "remove_role",
                role.value + " taken from " + user.username, json::changes_of(user, after));
  co_return Message{"Role " + role.value + " removed"};
}

/// The roles that go along to another tenant: staff stays staff, an administrator of one tenant is
/// none of the next.
std::vector<std::string> roles_elsewhere(const DirectoryUser& user) {
  auto roles = with_role(user.roles, "customer");
  std::erase(roles, std::string("tenant-admin"));
  return roles;
}

Task<Message> assign_tenant(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                            http::Body<AssignTenant> body) {
  const auto user = co_await d.directory->user(id.value);
  const auto name = co_await require_tenant(caller, body->tenant_id);
  co_await note(caller, "assign_tenant", body->tenant_id);
  co_await d.directory->ensure_organization(body->tenant_id, name);
  auto moved = user;
  moved.tenant_id = body->tenant_id;
  const auto from = user.tenant_id.value_or(body->tenant_id);
  const bool leaves = from != body->tenant_id;
  // Nothing opens the old tenant any more: no role, no token, no session. Once before the move, and
  // once after it for what was made in between.
  const auto forget = [&]() -> Task<> {
    co_await tenancy::forget_person(tenant_of(d, from), user.id);
    d.memberships->changed(from, user.id);
    d.api_tokens->changed();
  };
  if (leaves) {
    moved.roles = roles_elsewhere(user);
    co_await d.directory->set_roles(user.id, moved.roles);
    co_await forget();
  }
  co_await d.directory->set_tenant(user.id, body->tenant_id);
  co_await end_access(d, user.id);  // the old tenant stands in tokens that are out
  if (leaves) {
    co_await forget();
    // Each tenant is told its own half: where people come from and go to is not the other's.
    co_await tell(d, caller, user, "user.removed_from_tenant", "remove_from_tenant",
                  user.username + " removed");
  }
  boost::json::object details{{"roles", boost::json::value_from(moved.roles)}};
  co_await tell(d, caller, moved, "user.tenant_assigned", "assign_tenant",
                user.username + " assigned to " + body->tenant_id, std::move(details));
  co_return Message{"User assigned to tenant " + body->tenant_id};
}

Task<Message> reset_password(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "reset_password", user.tenant_id.value_or(""));
  co_await d.directory->send_action(user.id, identity::EmailAction::password_reset);
  co_await tell(d, caller, user, "user.password_reset_sent", "password_reset",
                "Password reset email sent to " + user.username);
  co_return Message{"Password reset email sent"};
}

Task<Sent> send_welcome(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "send_welcome_email", user.tenant_id.value_or(""));
  co_await d.directory->send_action(user.id, identity::EmailAction::welcome);
  co_await tell(d, caller, user, "user.welcome_email_sent", "send_welcome_email",
                "Welcome email sent to " + user.username);
  co_return Sent{};
}

Task<Message> set_password(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                           http::Body<SetPassword> body) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "set_password", user.tenant_id.value_or(""));
  co_await d.directory->set_password(user.id, body->password, body->temporary.value_or(true));
  co_await end_access(d, user.id);
  co_await tell(d, caller, user, "user.password_set", "set_password",
                "Password of " + user.username + " set");
  co_return Message{"Password updated"};
}

Task<Sessions> list_sessions(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "list_sessions", user.tenant_id.value_or(""));
  Sessions out;
  out.sessions = co_await d.directory->sessions(user.id);
  co_return out;
}

Task<http::NoContent> end_session(OperationsDeps d, OperatorCaller caller, http::Path<"user_id"> id,
                                  http::Path<"session_id"> session_id) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "end_session", user.tenant_id.value_or(""));
  co_await d.directory->end_session(user.id, session_id.value);
  co_await d.revocations->end_session(*d.pool, session_id.value);
  co_await tell(d, caller, user, "session.ended", "end_session",
                "A session of " + user.username + " ended");
  co_return http::NoContent{};
}

Task<http::NoContent> end_sessions(OperationsDeps d, OperatorCaller caller,
                                   http::Path<"user_id"> id) {
  const auto user = co_await d.directory->user(id.value);
  co_await note(caller, "end_sessions", user.tenant_id.value_or(""));
  co_await end_access(d, user.id);
  co_await tell(d, caller, user, "user.sessions_ended", "end_sessions",
                "All sessions of " + user.username + " ended");
  co_return http::NoContent{};
}

Task<Organizations> list_organizations(OperationsDeps d, OperatorCaller caller) {
  co_await note(caller, "list_organizations", "");
  Organizations out;
  out.organizations = co_await d.directory->organizations();
  co_return out;
}

}  // namespace

void mount_operator_users(http::Router& api, const OperationsDeps& d) {
  const std::string base = "/api/v1/operator/users", one = base + "/{user_id}";
  const auto staff = [](http::Endpoint e) {
    return e.operators().tag("Users").fails(502, "Directory error");
  };
  const auto admin = [](http::Endpoint e) {
    return e.operators("operator-admin")
        .tag("Users")
        .fails(404, "User not found")
        .fails(502, "Directory error");
  };
  staff(api.get(base, http::bound(d, list_users)).summary("People of all tenants, and staff"));
  staff(api.get(one, http::bound(d, get_user)).summary("One person")).fails(404, "User not found");
  staff(api.get("/api/v1/operator/organizations", http::bound(d, list_organizations))
            .summary("The directory's organizations"));
  admin(api.post(base, http::bound(d, create_user)).summary("Create a user"))
      .example({{"username", "kay"},
                {"email", "kay@acme.example"},
                {"tenant_id", "acme"},
                {"role", "customer"}})
      .fails(400, "Invalid role. Must be one of: [...]")
      .fails(404, "Tenant not found")
      .fails(409, "User with this email already exists");
  admin(api.put(one, http::bound(d, update_user)).summary("Change a user"))
      .example({{"first_name", "Kay"}})
      .fails(400, "Cannot disable your own account")
      .fails(409, "User with this email already exists");
  admin(api.del(one, http::bound(d, delete_user)).summary("Delete a user"))
      .fails(400, "Cannot delete your own account");
  admin(api.post(one + "/enable", http::bound(d, enable_user)).summary("Let a user in again"));
  admin(api.post(one + "/disable", http::bound(d, disable_user))
            .summary("Lock a user out; sessions end at once"))
      .fails(400, "Cannot disable your own account");
  admin(api.post(one + "/roles", http::bound(d, add_role)).summary("Give a realm role"))
      .example({{"role", "operator"}})
      .fails(400, "Invalid role. Must be one of: [...]");
  admin(
      api.del(one + "/roles/{role_name}", http::bound(d, remove_role)).summary("Take a realm role"))
      .fails(400, "Invalid role. Must be one of: [...]");
  admin(api.post(one + "/tenant", http::bound(d, assign_tenant)).summary("Move to a tenant"))
      .example({{"tenant_id", "acme"}})
      .fails(404, "Tenant not found");
  admin(api.post(one + "/reset-password", http::bound(d, reset_password))
            .summary("Send a link for a new password"));
  admin(api.post(one + "/send-welcome-email", http::bound(d, send_welcome))
            .summary("Send the first email again"));
  admin(api.post(one + "/password", http::bound(d, set_password)).summary("Set a password"))
      .fails(400, "The password is too easy to guess")
      .example({{"password", "correct horse battery"}, {"temporary", true}});
  staff(api.get(one + "/sessions", http::bound(d, list_sessions))
            .summary("Where a user is signed in"))
      .fails(404, "User not found");
  admin(api.del(one + "/sessions/{session_id}", http::bound(d, end_session))
            .summary("End one session of a user"));
  admin(api.del(one + "/sessions", http::bound(d, end_sessions))
            .summary("Sign a user out everywhere"));
}

}  // namespace pulse::operations
