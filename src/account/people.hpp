#pragma once
// What several endpoints need to know about a tenant's people.
#include "account/deps.hpp"
#include "account/roles.hpp"
#include "tenancy/caller.hpp"

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

/// Held until committed or dropped: changes to who administers a tenant happen one at a time, so
/// that two administrators can't demote each other at once.
class PeopleLock {
 public:
  PeopleLock(pg::Transaction transaction, std::shared_ptr<void> place)
      : transaction_(std::move(transaction)), place_(std::move(place)) {}
  Task<> commit() { return transaction_.commit(); }

 private:
  pg::Transaction transaction_;
  std::shared_ptr<void> place_;
};
/// Waits without a connection of the pool, which the holder and everybody else need meanwhile.
/// Throws HttpError 503 after ten seconds.
Task<PeopleLock> lock_people(tenancy::TenantCaller caller);

/// Throws 403 when the user may do what the caller may not: who could change such a person's email,
/// or take their access, could become or replace them.
Task<> require_may_change(tenancy::TenantCaller caller, identity::DirectoryUser user);

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
