#pragma once
// What a person holds in one tenant beside the directory's account: roles, preferences, API tokens;
// and the lock under which a tenant's people change.
#include <memory>
#include <optional>
#include <string>

#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// Everything of it goes. Tell Memberships and ApiTokens after it.
Task<> forget_person(TenantDb db, std::string user_id);
/// The API tokens of a disabled person are refused, and accepted again. Tell ApiTokens after it.
Task<> accept_tokens_of(TenantDb db, std::string user_id, bool accepted);

/// Held until committed or dropped: changes to who administers a tenant happen one at a time, so
/// that two administrators can't demote each other at once.
class PeopleLock {
 public:
  PeopleLock(pg::Transaction transaction, std::shared_ptr<void> place)
      : transaction_(std::move(transaction)), place_(std::move(place)) {}
  /// Gives the lock and its connection back.
  Task<> commit();

 private:
  std::optional<pg::Transaction> transaction_;
  std::shared_ptr<void> place_;
};
/// Waits without a connection of the pool, which the holder and everybody else need meanwhile.
/// Throws HttpError 503 after ten seconds.
Task<PeopleLock> lock_people(TenantDb db, std::string tenant_id);

}  // namespace pulse::tenancy
