#include "identity/embedded_directory.hpp"

#include <algorithm>

#include "identity/embedded_directory_store.hpp"
#include "identity/passwords.hpp"
#include "platform/errors.hpp"

namespace pulse::identity {

namespace {

void found(bool known) {
  if (!known) throw not_found("User not found");
}

void require_roles(const std::vector<std::string>& roles) {
  if (roles.empty()) throw bad_request("At least one role is required");
  for (const auto& role : roles)
    if (std::find(std::begin(realm_roles), std::end(realm_roles), role) == std::end(realm_roles))
      throw bad_request("Unknown role: " + role);
}

/// First and last names may be missing; control characters are no part of any.
void require_names(const std::string& first, const std::string& last) {
  if (!first.empty() && !can_be_name(first)) throw bad_request("First name is not valid");
  if (!last.empty() && !can_be_name(last)) throw bad_request("Last name is not valid");
}
void require_email(const std::string& email) {
  if (!email.empty() && (!can_be_name(email) || email.find('@') == std::string::npos))
    throw bad_request("Email is not valid");
}

Task<> require_tenant(pg::Pool& pool, std::string tenant_id) {
  const auto name = co_await organization_name(pool, std::move(tenant_id));
  if (name.empty()) throw not_found("Organization not found");
}

}  // namespace

Task<std::string> EmbeddedDirectory::accepted_hash(std::string password, std::string username,
                                                   std::string email) {
  std::string wrong;
  for (const auto& fault : password_faults(password, username, email))
    wrong += (wrong.empty() ? "" : " ") + fault;
  if (!wrong.empty()) throw bad_request(wrong);
  co_return co_await d_.passwords->hash(std::move(password));
}

Task<UserPage> EmbeddedDirectory::users(UserQuery query) {
  return users_matching(*d_.pool, std::move(query));
}

Task<std::optional<std::map<std::string, std::int64_t>>> EmbeddedDirectory::users_of_tenants() {
  co_return co_await count_users_of_tenants(*d_.pool);
}

Task<DirectoryUser> EmbeddedDirectory::user(std::string id) {
  auto user = co_await directory_user(*d_.pool, std::move(id));
  found(user.has_value());
  co_return std::move(*user);
}

Task<std::optional<DirectoryUser>> EmbeddedDirectory::user_of_email(std::string email) {
  return directory_user_of_email(*d_.pool, std::move(email));
}
Task<std::optional<DirectoryUser>> EmbeddedDirectory::user_of_name(std::string username) {
  return directory_user_of_name(*d_.pool, std::move(username));
}

Task<std::string> EmbeddedDirectory::create(CreateUser user) {
  if (!can_be_name(user.username)) throw bad_request("Username is not valid");
  require_email(user.email);
  require_names(user.first_name, user.last_name);
  require_roles(user.roles);
  if (!user.tenant_id.empty()) co_await require_tenant(*d_.pool, user.tenant_id);
  std::optional<std::string> hash;
  if (!user.password.empty())
    hash = co_await accepted_hash(user.password, user.username, user.email);
  co_return co_await insert_user(*d_.pool, std::move(user), std::move(hash));
}

Task<> EmbeddedDirectory::update(std::string id, UserChanges changes) {
  require_email(changes.email.value_or(""));
  require_names(changes.first_name.value_or(""), changes.last_name.value_or(""));
  const bool known = co_await update_user(*d_.pool, std::move(id), std::move(changes));
  found(known);
}

Task<> EmbeddedDirectory::remove(std::string id) {
  const bool known = co_await delete_user(*d_.pool, std::move(id));
  found(known);
}

Task<> EmbeddedDirectory::set_roles(std::string id, std::vector<std::string> roles) {
  require_roles(roles);
  const bool known = co_await replace_roles(*d_.pool, std::move(id), std::move(roles));
  found(known);
}

Task<> EmbeddedDirectory::set_tenant(std::string id, std::optional<std::string> tenant_id) {
  if (tenant_id) co_await require_tenant(*d_.pool, *tenant_id);
  const bool known = co_await move_to_tenant(*d_.pool, std::move(id), std::move(tenant_id));
  found(known);
}

Task<> EmbeddedDirectory::set_password(std::string id, std::string password, bool temporary) {
  const auto who = co_await user(id);
  auto hash = co_await accepted_hash(std::move(password), who.username, who.email);
  const bool known = co_await replace_password(*d_.pool, std::move(id), std::move(hash), temporary);
  found(known);
}

Task<> EmbeddedDirectory::send(std::string id, EmailAction action, std::string invited_by) {
  auto user = co_await user_of_id(*d_.pool, std::move(id));
  found(user.has_value());
  if (!user->email) throw bad_request("User has no email address");
  if (!user->enabled) throw bad_request("User is disabled");
  co_await send_link(*d_.pool, d_.links, std::move(*user), action, std::move(invited_by), 0);
}

Task<> EmbeddedDirectory::send_action(std::string id, EmailAction action) {
  return send(std::move(id), action, {});
}
Task<> EmbeddedDirectory::invite(std::string id, std::string invited_by) {
  return send(std::move(id), EmailAction::invitation, std::move(invited_by));
}

Task<std::vector<UserSession>> EmbeddedDirectory::sessions(std::string id) {
  const auto who = co_await user(std::move(id));
  co_return co_await sessions_of_user(*d_.pool, who.id);
}

Task<> EmbeddedDirectory::end_session(std::string id, std::string session_id) {
  const auto who = co_await user(std::move(id));
  const bool ended = co_await delete_session(*d_.pool, who.id, std::move(session_id));
  if (!ended) throw not_found("Session not found");
}

Task<> EmbeddedDirectory::end_sessions(std::string id) {
  const auto who = co_await user(std::move(id));
  co_await delete_sessions(*d_.pool, who.id);
}

Task<std::vector<Organization>> EmbeddedDirectory::organizations() {
  return all_organizations(*d_.pool);
}

Task<> EmbeddedDirectory::ensure_organization(std::string, std::string) { co_return; }
Task<> EmbeddedDirectory::set_organization_enabled(std::string, bool) { co_return; }
Task<> EmbeddedDirectory::remove_organization(std::string) { co_return; }

Task<bool> EmbeddedDirectory::reachable() {
  try {
    const pg::Scope as_login;
    co_await d_.pool->query(as_login, "SELECT 1 FROM identity.users LIMIT 1");
    co_return true;
  } catch (const pg::Error&) {
    co_return false;
  }
}

Task<> EmbeddedDirectory::repair() { return sweep_links(*d_.pool); }

}  // namespace pulse::identity
