#pragma once
// What several endpoints need to know about a tenant's people.
#include "account/deps.hpp"
#include "account/roles.hpp"
#include "tenancy/caller.hpp"
#include "tenancy/people.hpp"

namespace pulse::account {

/// Who can hand out roles counts as an administrator, besides those with realm role tenant-admin.
inline constexpr const char* admin_permission = "users.roles";

/// `{"message": "..."}`, what many changes answer.
struct Message {
  std::string message;
};
BOOST_DESCRIBE_STRUCT(Message, (), (message))

/// The user, when one of the caller's tenant; 404 "User not found" otherwise, as for an unknown
/// one.
Task<identity::DirectoryUser> user_of_tenant(AccountDeps d, tenancy::TenantCaller caller,
                                             std::string user_id);

/// tenancy::lock_people of the caller's tenant.
Task<tenancy::PeopleLock> lock_people(tenancy::TenantCaller caller);

/// Throws 403 unless the caller may do all that the user may: by another email, or a link for a new
/// password, the caller could become that person.
Task<> require_may_become(tenancy::TenantCaller caller, identity::DirectoryUser user);
/// Throws 403 for platform staff and tenant administrators, unless the caller is one: others can't
/// lock them out, remove them or change what they may.
void require_may_manage(const tenancy::TenantCaller& caller, const identity::DirectoryUser& user);

/// Throws 409 when the user is the tenant's last enabled administrator. Call it under lock_people,
/// when what follows takes roles (or, with `wholly`, everything) from the user.
Task<> require_another_admin(AccountDeps d, tenancy::TenantCaller caller,
                             identity::DirectoryUser user, bool wholly);
/// Throws 409 when nobody enabled would administer the tenant any more if this role didn't. Call it
/// under lock_people.
Task<> require_admin_without(AccountDeps d, tenancy::TenantCaller caller, std::string role_id);

/// True for a name of the IANA time zone database that this machine knows, e.g. "Europe/Berlin".
bool known_timezone(const std::string& name);

/// The roles named; 400 for none or for what is unknown, 403 for what the caller may not grant.
Task<std::vector<Role>> grantable_roles(tenancy::TenantCaller caller, std::vector<std::string> ids);

/// Every person of the tenant.
Task<std::vector<identity::DirectoryUser>> people_of_tenant(AccountDeps d, std::string tenant_id);

}  // namespace pulse::account
