#include <algorithm>

#include "account/deps.hpp"
#include "account/people.hpp"
#include "account/roles.hpp"
#include "platform/errors.hpp"
#include "platform/json/changes.hpp"

namespace pulse::account {

namespace {

using tenancy::TenantCaller;

struct PermissionList {
  std::vector<Permission> permissions;
};
BOOST_DESCRIBE_STRUCT(PermissionList, (), (permissions))
struct RoleList {
  std::vector<Role> roles;
};
BOOST_DESCRIBE_STRUCT(RoleList, (), (roles))
struct RoleMade {
  std::string id, message;
};
BOOST_DESCRIBE_STRUCT(RoleMade, (), (id, message))
struct AssignmentList {
  std::vector<Assignment> assignments;
};
BOOST_DESCRIBE_STRUCT(AssignmentList, (), (assignments))
struct AssignRoles {
  std::vector<std::string> role_ids;
};
BOOST_DESCRIBE_STRUCT(AssignRoles, (), (role_ids))
inline auto constraints(json::As<AssignRoles>) {
  return json::rules<AssignRoles>().items(&AssignRoles::role_ids, 0, 100);
}
struct DeleteQuery {
  std::optional<std::string> reassign_to;
};
BOOST_DESCRIBE_STRUCT(DeleteQuery, (), (reassign_to))

std::string trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

/// The ids as they should be stored: known, once each, and none that the caller does not hold.
Task<std::vector<std::int64_t>> grantable(TenantCaller caller, std::vector<std::int64_t> ids) {
  if (ids.empty()) throw bad_request("permission_ids must not be empty");
  const auto catalogue = co_await permission_catalogue(caller.db);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::string unknown;
  for (const auto id : ids) {
    const auto it = std::find_if(catalogue.begin(), catalogue.end(),
                                 [&](const Permission& p) { return p.id == id; });
    if (it == catalogue.end()) {
      unknown.append(unknown.empty() ? "" : ", ").append(std::to_string(id));
    } else if (!caller.may(it->action)) {
      throw forbidden("Nobody can grant what they don't hold: " + it->action);
    }
  }
  if (!unknown.empty()) throw bad_request("Unknown permission id(s): [" + unknown + "]");
  co_return ids;
}

bool gives_administration(const Role& role) {
  return std::any_of(role.permissions.begin(), role.permissions.end(),
                     [](const Permission& p) { return p.action == admin_permission; });
}
Task<bool> names_administration(TenantCaller caller, std::vector<std::int64_t> ids) {
  const auto catalogue = co_await permission_catalogue(caller.db);
  for (const auto& p : catalogue)
    if (p.action == admin_permission)
      co_return std::find(ids.begin(), ids.end(), p.id) != ids.end();
  co_return false;
}

Task<Role> changeable(TenantCaller caller, std::string role_id, const char* verb) {
  auto role = co_await find_role(caller.db, std::move(role_id));
  if (!role) throw not_found("Role not found");
  if (role->is_system) throw forbidden(std::string("Cannot ") + verb + " system roles");
  co_return std::move(*role);
}

boost::json::object permissions_of(const Role& role) {
  boost::json::array actions;
  for (const auto& p : role.permissions) actions.emplace_back(p.action);
  return {{"permissions", std::move(actions)}};
}

Task<> tell(AccountDeps d, TenantCaller caller, std::string type, std::string action, Role role,
            boost::json::object details) {
  auto event = tenancy::AuditLog::security(
      caller.who, caller.client_address, caller.request_id, caller.tenant(), std::move(type),
      std::move(action), "role", role.id, "Role " + role.name, std::move(details));
  event.entity_name = role.name;
  co_await d.audit->record(std::move(event));
}

Task<PermissionList> list_permissions(AccountDeps d, tenancy::SignedIn caller) {
  const auto db =
      tenancy::TenantDb::for_worker(*d.pool, caller.who.tenant_id, "the catalogue is everyone's");
  PermissionList out;
  out.permissions = co_await permission_catalogue(db);
  co_return out;
}

Task<RoleList> list_roles(AccountDeps, TenantCaller caller) {
  RoleList out;
  out.roles = co_await roles_of_tenant(caller.db);
  co_return out;
}

Task<RoleMade> create_role(AccountDeps d, TenantCaller caller, http::Body<CreateRole> body) {
  body.value.name = trimmed(body->name);
  if (body->name.empty()) throw bad_request("Role name is required");
  body.value.permission_ids = co_await grantable(caller, body->permission_ids);
  const auto id = co_await insert_role(caller.db, caller.tenant(), body.value);
  if (!id) throw conflict("Role name already exists");
  auto made = co_await find_role(caller.db, *id);
  if (made) co_await tell(d, caller, "role.created", "create_role", *made, permissions_of(*made));
  co_return RoleMade{*id, "Role created"};
}

Task<Message> change_role(AccountDeps d, TenantCaller caller, http::Path<"role_id"> role_id,
                          http::Body<UpdateRole> body) {
  const auto role = co_await changeable(caller, role_id.value, "modify");
  if (body->name) {
    body.value.name = trimmed(*body->name);
    if (body->name->empty()) throw bad_request("Role name must not be empty");
  }
  if (body->permission_ids)
    body.value.permission_ids = co_await grantable(caller, *body->permission_ids);
  auto lock = co_await lock_people(caller);
  if (body->permission_ids && gives_administration(role)) {
    const bool stays = co_await names_administration(caller, *body->permission_ids);
    if (!stays) co_await require_admin_without(d, caller, role.id);
  }
  auto changes = co_await update_role(caller.db, role.id, body.value);
  if (!changes) throw conflict("Role name already exists");
  co_await lock.commit();
  d.memberships->changed(caller.tenant());
  co_await tell(d, caller, "role.updated", "update_role", role, std::move(*changes));
  co_return Message{"Role updated"};
}

Task<Message> delete_role(AccountDeps d, TenantCaller caller, http::Path<"role_id"> role_id,
                          http::Query<DeleteQuery> query) {
  const auto role = co_await changeable(caller, role_id.value, "delete");
  auto lock = co_await lock_people(caller);
  bool other_administers = false;
  if (query->reassign_to) {
    const auto other = co_await find_role(caller.db, *query->reassign_to);
    if (!other || other->id == role.id) throw bad_request("reassign_to is no other role of yours");
    for (const auto& p : other->permissions)
      if (!caller.may(p.action))
        throw forbidden("Nobody can grant what they don't hold: " + p.action);
    other_administers = gives_administration(*other);
  }
  if (role.member_count > 0 && gives_administration(role) && !other_administers &&
      query->reassign_to)
    co_await require_admin_without(d, caller, role.id);
  const bool removed = co_await remove_role(caller.db, role.id, query->reassign_to);
  if (!removed) {
    const auto now = co_await find_role(caller.db, role.id);
    throw conflict("Role is held by " + std::to_string(now ? now->member_count : 0) +
                   " user(s): name another one by reassign_to");
  }
  co_await lock.commit();
  d.memberships->changed(caller.tenant());
  co_await tell(d, caller, "role.deleted", "delete_role", role, permissions_of(role));
  co_return Message{"Role deleted"};
}

Task<AssignmentList> list_assignments(AccountDeps d, TenantCaller caller,
                                      http::Path<"user_id"> user_id) {
  co_await user_of_tenant(d, caller, user_id.value);
  AssignmentList out;
  out.assignments = co_await assignments_of(caller.db, user_id.value);
  co_return out;
}

}  // namespace

Task<std::vector<Role>> grantable_roles(TenantCaller caller, std::vector<std::string> ids) {
  if (ids.empty()) throw bad_request("At least one role is required");
  const auto known = co_await roles_of_tenant(caller.db);
  std::vector<Role> out;
  std::string missing;
  for (const auto& id : ids) {
    const auto it =
        std::find_if(known.begin(), known.end(), [&](const Role& r) { return r.id == id; });
    if (it == known.end()) {
      missing.append(missing.empty() ? "'" : ", '").append(id).append("'");
      continue;
    }
    for (const auto& p : it->permissions)
      if (!caller.may(p.action))
        throw forbidden("Nobody can grant what they don't hold: " + p.action);
    out.push_back(*it);
  }
  if (!missing.empty()) throw bad_request("Unknown or inaccessible role id(s): [" + missing + "]");
  co_return out;
}

namespace {

Task<Message> assign_roles(AccountDeps d, TenantCaller caller, http::Path<"user_id"> user_id,
                           http::Body<AssignRoles> body) {
  if (user_id.value == caller.who.user_id) throw bad_request("Cannot change your own roles");
  auto lock = co_await lock_people(caller);
  const auto user = co_await user_of_tenant(d, caller, user_id.value);
  require_may_manage(caller, user);
  const auto roles = co_await grantable_roles(caller, body->role_ids);
  bool stays_admin = false;
  std::vector<std::string> ids, had, has;
  for (const auto& r : roles) {
    ids.push_back(r.id);
    has.push_back(r.name);
    for (const auto& p : r.permissions) stays_admin = stays_admin || p.action == admin_permission;
  }
  if (!stays_admin) co_await require_another_admin(d, caller, user, false);
  const auto held = co_await assignments_of(caller.db, user.id);
  for (const auto& a : held) had.push_back(a.role_name);
  co_await replace_assignments(caller.db, caller.tenant(), user.id, std::move(ids),
                               caller.who.user_id);
  co_await lock.commit();
  d.memberships->changed(caller.tenant(), user.id);
  std::sort(had.begin(), had.end());
  std::sort(has.begin(), has.end());
  auto details = json::changes_between({{"roles", boost::json::value_from(had)}},
                                       {{"roles", boost::json::value_from(has)}});
  auto event = tenancy::AuditLog::security(
      caller.who, caller.client_address, caller.request_id, caller.tenant(), "user.roles_updated",
      "replace_assignments", "user", user.id, "Roles of " + user.username + " replaced",
      std::move(details));
  event.entity_name = user.username;
  co_await d.audit->record(std::move(event));
  co_return Message{"Roles updated"};
}

}  // namespace

void mount_roles(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/";
  api.get(base + "permissions", http::bound(d, list_permissions))
      .signed_in()
      .tag("Roles")
      .summary("The catalogue of permissions");
  api.get(base + "roles", http::bound(d, list_roles))
      .needs("users.roles")
      .tag("Roles")
      .summary("System roles, then the organization's own");
  api.post(base + "roles", http::bound(d, create_role))
      .needs("users.roles")
      .tag("Roles")
      .summary("Create a role")
      .example({{"name", "Night shift"},
                {"description", "Sees everything, acknowledges alerts"},
                {"permission_ids", boost::json::array{5, 8}}})
      .fails(400, "Role name is required")
      .fails(400, "permission_ids must not be empty")
      .fails(400, "Unknown permission id(s): [...]")
      .fails(409, "Role name already exists");
  api.put(base + "roles/{role_id}", http::bound(d, change_role))
      .needs("users.roles")
      .tag("Roles")
      .summary("Change a role")
      .example({{"name", "Night shift"}})
      .fails(400, "Role name must not be empty")
      .fails(404, "Role not found")
      .fails(403, "Cannot modify system roles")
      .fails(409, "Role name already exists")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  api.del(base + "roles/{role_id}", http::bound(d, delete_role))
      .needs("users.roles")
      .tag("Roles")
      .summary("Delete a role; reassign_to names the role its people get instead")
      .fails(400, "reassign_to is no other role of yours")
      .fails(404, "Role not found")
      .fails(403, "Cannot delete system roles")
      .fails(409, "Role is held by n user(s)")
      .fails(409, "The last administrator can't be demoted, disabled or removed");
  api.get(base + "users/{user_id}/assignments", http::bound(d, list_assignments))
      .needs("users.roles")
      .tag("Roles")
      .summary("A person's roles")
      .fails(404, "User not found")
      .fails(502, "Directory error");
  api.put(base + "users/{user_id}/assignments", http::bound(d, assign_roles))
      .needs("users.roles")
      .tag("Roles")
      .summary("Replace a person's roles")
      .fails(400, "At least one role is required")
      .fails(400, "Cannot change your own roles")
      .fails(400, "Unknown or inaccessible role id(s): [...]")
      .fails(404, "User not found")
      .fails(409, "The last administrator can't be demoted")
      .fails(502, "Directory error")
      .fails(403, "Nobody can change who may do more");
}

}  // namespace pulse::account
