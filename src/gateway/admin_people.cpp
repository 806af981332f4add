// `pulse admin`: tenants, people and their roles.
#include <algorithm>

#include "fleet/demo.hpp"
#include "fleet/firmware.hpp"
#include "gateway/admin_commands.hpp"
#include "gateway/settings.hpp"
#include "operations/tenants.hpp"
#include "platform/email.hpp"
#include "tenancy/people.hpp"

namespace pulse::gateway {

namespace {

/// What the command line does stands in the audit log like everything else.
Task<> tell(AdminContext context, std::string tenant, std::string type, std::string action,
            std::string entity_id, std::string message) {
  tenancy::Caller who;
  who.user_id = "pulse-admin";
  who.username = "pulse admin";
  auto event = tenancy::AuditLog::security(who, "", "", std::move(tenant), std::move(type),
                                           std::move(action), "user", std::move(entity_id),
                                           std::move(message));
  event.actor_type = "system";
  co_await context.process->audit->record(std::move(event));
}

std::vector<std::string> realm_roles_of(const Flags& flags) {
  auto roles = words(or_else(flags, "--role", "customer"));
  for (const auto& role : roles)
    if (std::find_if(std::begin(identity::realm_roles), std::end(identity::realm_roles),
                     [&](const char* known) { return role == known; }) ==
        std::end(identity::realm_roles))
      throw std::invalid_argument(
          "--role: known are customer, tenant-admin, operator, operator-admin");
  return roles;
}

Task<identity::DirectoryUser> known_user(AdminContext context, std::string name) {
  auto user = co_await context.directory->user_of_name(name);
  if (!user) throw std::invalid_argument("--username: no user is called " + name);
  co_return std::move(*user);
}

boost::json::object user_object(const identity::DirectoryUser& u) {
  boost::json::array roles;
  for (const auto& r : u.roles) roles.emplace_back(r);
  boost::json::object out;
  out["id"] = u.id;
  out["username"] = u.username;
  out["email"] = u.email;
  out["tenant_id"] = u.tenant_id ? boost::json::value(*u.tenant_id) : boost::json::value();
  out["enabled"] = u.enabled;
  out["roles"] = std::move(roles);
  return out;
}

}  // namespace

Task<EnsuredPerson> ensure_person(AdminContext context, Person person) {
  auto& directory = *context.directory;
  const auto known = co_await directory.user_of_name(person.username);
  if (!known) {
    identity::CreateUser fresh;
    fresh.username = person.username;
    fresh.email = person.email;
    fresh.first_name = person.first_name;
    fresh.last_name = person.last_name;
    fresh.password = person.password;
    fresh.password_temporary = false;
    fresh.tenant_id = person.tenant_id;
    fresh.roles = person.roles;
    auto id = co_await directory.create(fresh);
    co_return EnsuredPerson{std::move(id), true};
  }
  identity::UserChanges changes;
  if (!person.email.empty()) changes.email = person.email;
  if (!person.first_name.empty()) changes.first_name = person.first_name;
  if (!person.last_name.empty()) changes.last_name = person.last_name;
  co_await directory.update(known->id, changes);
  std::optional<std::string> tenant;
  if (!person.tenant_id.empty()) tenant = person.tenant_id;
  std::sort(person.roles.begin(), person.roles.end());
  auto roles = known->roles;
  std::sort(roles.begin(), roles.end());
  const bool leaves = known->tenant_id && known->tenant_id != tenant;
  const auto of = [&](const std::string& id) {
    return tenancy::TenantDb::for_worker(*context.pool, id, "the command line changes its people");
  };
  co_await directory.set_roles(known->id, person.roles);
  if (leaves) co_await tenancy::forget_person(of(*known->tenant_id), known->id);
  co_await directory.set_tenant(known->id, tenant);
  if (leaves) co_await tenancy::forget_person(of(*known->tenant_id), known->id);
  const bool admin =
      std::find(person.roles.begin(), person.roles.end(), "tenant-admin") != person.roles.end();
  if (tenant)
    co_await of(*tenant).query(
        "UPDATE api_tokens SET owner_is_admin = $2 WHERE user_id = $1 AND owner_is_admin <> $2",
        pg::Params::of(known->id, admin));
  if (leaves || roles != person.roles) {  // what is out says what was
    co_await context.process->revocations->end_user(*context.pool, known->id);
    co_await directory.end_sessions(known->id);
    context.process->memberships->changed(known->tenant_id.value_or(""), known->id);
    context.process->api_tokens->changed();
  }
  if (!person.password.empty()) co_await directory.set_password(known->id, person.password, false);
  co_return EnsuredPerson{known->id, false};
}

Task<boost::json::object> create_tenant(AdminContext context, Flags flags) {
  const auto id = needed(flags, "--id"), name = or_else(flags, "--name", id);
  const bool made = co_await fleet::create_tenant(*context.pool, id, name);
  // One whose organization could not be made is made whole by the same command again.
  co_await context.directory->ensure_organization(id, name);
  if (!made) throw std::invalid_argument("--id: tenant " + id + " exists already");
  co_await tell(context, id, "tenant.created", "create", id, "Tenant " + name);
  boost::json::object out;
  out["tenant_id"] = id;
  out["name"] = name;
  co_return out;
}

Task<boost::json::object> list_tenants(AdminContext context, Flags) {
  const pg::Scope scope("pulse_operator_read", {});
  const auto rows = co_await context.pool->query(
      scope, "SELECT tenant_id, name, status FROM tenants ORDER BY tenant_id");
  boost::json::array list;
  for (int i = 0; i < rows.rows(); ++i)
    list.push_back(boost::json::object{
        {"tenant_id", rows.text(i, 0)}, {"name", rows.text(i, 1)}, {"status", rows.text(i, 2)}});
  boost::json::object out;
  out["tenants"] = std::move(list);
  co_return out;
}

Task<boost::json::object> purge_tenants(AdminContext context, Flags) {
  const operations::RemoveFiles remove_files = [files =
                                                    context.process->files](std::string tenant) {
    return fleet::remove_files_of(*files, std::move(tenant));
  };
  const auto gone =
      co_await operations::purge_deleted_tenants(*context.pool, *context.directory, remove_files);
  boost::json::object out;
  auto& list = out["removed"].emplace_array();
  for (const auto& id : gone) list.emplace_back(id);
  co_return out;
}

Task<boost::json::object> create_user(AdminContext context, Flags flags) {
  Person p;
  p.username = needed(flags, "--username");
  p.password = needed(flags, "--password");
  p.email = or_else(flags, "--email", "");
  p.first_name = or_else(flags, "--first-name", "");
  p.last_name = or_else(flags, "--last-name", "");
  p.tenant_id = or_else(flags, "--tenant", "");
  p.roles = realm_roles_of(flags);
  const auto ensured = co_await ensure_person(context, p);
  const auto& id = ensured.id;
  co_await tell(context, p.tenant_id, ensured.made ? "user.created" : "user.updated",
                ensured.made ? "create" : "update", id, "User " + p.username);
  boost::json::object out;
  out["id"] = id;
  out["username"] = p.username;
  co_return out;
}

Task<boost::json::object> list_users(AdminContext context, Flags flags) {
  identity::UserQuery query;
  query.tenant_id = or_else(flags, "--tenant", "");
  query.search = or_else(flags, "--search", "");
  query.limit = 500;
  const auto page = co_await context.directory->users(query);
  boost::json::object out;
  auto& list = out["users"].emplace_array();
  for (const auto& u : page.users) list.push_back(user_object(u));
  out["total"] = page.total;
  co_return out;
}

Task<boost::json::object> invite_user(AdminContext context, Flags flags) {
  const auto email = needed(flags, "--email"), tenant = needed(flags, "--tenant");
  if (const auto fault = email_fault(email); !fault.empty())
    throw std::invalid_argument("--email " + fault);
  const auto known = co_await context.directory->user_of_email(email);
  if (known) throw std::invalid_argument("--email: a user with this email already exists");
  identity::CreateUser user;
  user.email = email;
  user.username = email.substr(0, email.find('@'));
  const auto taken = co_await context.directory->user_of_name(user.username);
  if (taken) user.username = email;
  user.tenant_id = tenant;
  user.roles = realm_roles_of(flags);
  const auto id = co_await context.directory->create(user);
  // Nobody's name: whoever has the command line is no person of Pulse.
  co_await identity::invite_or_remove(*context.directory, id, "");
  co_await tell(context, tenant, "user.invited", "invite", id, "Invited " + email);
  boost::json::object out;
  out["id"] = id;
  out["username"] = user.username;
  out["email"] = email;
  co_return out;
}

Task<boost::json::object> reset_password(AdminContext context, Flags flags) {
  const auto user = co_await known_user(context, needed(flags, "--username"));
  const auto password = or_else(flags, "--password", "");
  if (password.empty())
    co_await context.directory->send_action(user.id, identity::EmailAction::password_reset);
  else
    co_await context.directory->set_password(user.id, password, true);
  if (!password.empty()) co_await context.process->revocations->end_user(*context.pool, user.id);
  co_await tell(context, user.tenant_id.value_or(""), "user.password_reset", "password_reset",
                user.id, "Password of " + user.username + " reset");
  boost::json::object out;
  out["username"] = user.username;
  out["sent"] = password.empty();
  co_return out;
}

Task<boost::json::object> grant_role(AdminContext context, Flags flags) {
  const auto user = co_await known_user(context, needed(flags, "--username"));
  const auto role = needed(flags, "--role");
  if (!user.tenant_id)
    throw std::invalid_argument("--username: " + user.username + " is in no tenant");
  const pg::Scope scope("pulse_app", {{"app.tenant_id", *user.tenant_id}});
  const auto rows = co_await context.pool->query(
      scope,
      "INSERT INTO user_role_assignments (tenant_id, user_id, role_id, assigned_by) "
      "SELECT $1, $2, id, 'pulse admin' FROM roles WHERE lower(name) = lower($3) "
      "ON CONFLICT (tenant_id, user_id, role_id) DO UPDATE SET assigned_by = 'pulse admin' "
      "RETURNING role_id",
      pg::Params::of(*user.tenant_id, user.id, role));
  if (rows.empty()) throw std::invalid_argument("--role: the tenant has no role " + role);
  context.process->memberships->changed(*user.tenant_id, user.id);
  co_await tell(context, *user.tenant_id, "user.roles_updated", "grant", user.id,
                role + " granted to " + user.username);
  boost::json::object out;
  out["username"] = user.username;
  out["role"] = role;
  co_return out;
}

}  // namespace pulse::gateway
