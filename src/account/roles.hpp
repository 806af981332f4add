#pragma once
// Roles: bundles of permissions; and who has which in a tenant.
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::account {

struct Permission {
  std::int64_t id = 0;
  std::string action, category, description;
};
BOOST_DESCRIBE_STRUCT(Permission, (), (id, action, category, description))

struct Role {
  std::string id, name, description;
  bool is_system = false;
  std::vector<Permission> permissions;
  std::int64_t member_count = 0;  ///< people of this tenant who have it
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Role, (),
                      (id, name, description, is_system, permissions, member_count, created_at,
                       updated_at))

struct CreateRole {
  std::string name;
  std::optional<std::string> description;
  std::vector<std::int64_t> permission_ids;
};
BOOST_DESCRIBE_STRUCT(CreateRole, (), (name, description, permission_ids))
inline auto constraints(json::As<CreateRole>) {
  return json::rules<CreateRole>()
      .length(&CreateRole::name, 0, 100)
      .length(&CreateRole::description, 0, 500)
      .items(&CreateRole::permission_ids, 0, 500);
}

struct UpdateRole {
  std::optional<std::string> name, description;
  std::optional<std::vector<std::int64_t>> permission_ids;
};
BOOST_DESCRIBE_STRUCT(UpdateRole, (), (name, description, permission_ids))
inline auto constraints(json::As<UpdateRole>) {
  return json::rules<UpdateRole>()
      .length(&UpdateRole::name, 0, 100)
      .length(&UpdateRole::description, 0, 500)
      .items(&UpdateRole::permission_ids, 0, 500);
}

struct Assignment {
  std::string id, role_id, role_name;
  bool is_system = false;
  Time assigned_at;
  std::optional<std::string> assigned_by;
};
BOOST_DESCRIBE_STRUCT(Assignment, (), (id, role_id, role_name, is_system, assigned_at, assigned_by))

Task<std::vector<Permission>> permission_catalogue(tenancy::TenantDb db);
/// System roles first, then by name.
Task<std::vector<Role>> roles_of_tenant(tenancy::TenantDb db);
/// Nothing for another tenant's, as for an unknown one.
Task<std::optional<Role>> find_role(tenancy::TenantDb db, std::string role_id);
/// Nothing when the name is taken.
Task<std::optional<std::string>> insert_role(tenancy::TenantDb db, std::string tenant_id,
                                             CreateRole role);
/// What changed, as json::changes_between tells it; nothing when the name is taken.
Task<std::optional<boost::json::object>> update_role(tenancy::TenantDb db, std::string role_id,
                                                     UpdateRole changes);
/// Removes the role; those who have it get `replacement`. False, and nothing is removed, when there
/// is none and somebody has it.
Task<bool> remove_role(tenancy::TenantDb db, std::string role_id,
                       std::optional<std::string> replacement);

Task<std::vector<Assignment>> assignments_of(tenancy::TenantDb db, std::string user_id);
/// Replaces the user's roles by these, in one transaction.
Task<> replace_assignments(tenancy::TenantDb db, std::string tenant_id, std::string user_id,
                           std::vector<std::string> role_ids, std::string assigned_by);
/// Ids of users whose roles hold this permission.
Task<std::vector<std::string>> users_holding(tenancy::TenantDb db, std::string permission,
                                             std::optional<std::string> except_role = {});
/// What the user's roles allow, together.
Task<std::vector<std::string>> permissions_of_user(tenancy::TenantDb db, std::string user_id);

/// True for the form of a UUID (RFC 9562); anything else can't be a role's id.
bool is_uuid(std::string_view text);

}  // namespace pulse::account
