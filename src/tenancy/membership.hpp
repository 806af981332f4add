#pragma once
// What a user may do in a tenant. Read at the access check of every customer endpoint, so it is
// kept in memory and forgotten at once, in every process, when a role, an assignment or the tenant
// changes.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::tenancy {

struct Membership {
  std::string tenant_status;  ///< ACTIVE, SUSPENDED, DELETED; empty: there is no such tenant
  std::string tier_id;
  std::int64_t api_requests_per_minute = 0;  ///< of the tier; 0: no limit
  std::vector<std::string> roles;            ///< names of the assigned roles, sorted
  std::vector<std::string> permissions;      ///< sorted

  bool allows(std::string_view permission) const;
};

/// Shared by all loops; thread-safe.
class Memberships {
 public:
  Memberships(nats::Client& nats, boost::asio::any_io_executor executor);
  ~Memberships();

  /// Of `user_id` in `tenant_id`, through the caller's loop's pool. A user without any role becomes
  /// Viewer when `first_sight` (people; never tokens). Throws pg::Error.
  Task<std::shared_ptr<const Membership>> find(pg::Pool& pool, std::string tenant_id,
                                               std::string user_id, bool first_sight);
  /// Call after the change is committed: this process forgets at once, the others as soon as NATS
  /// tells them. An empty `user_id` means everyone of the tenant, an empty `tenant_id` everyone.
  void changed(const std::string& tenant_id, const std::string& user_id = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Gives a system role, by name, to a user who has it not; for `pulse admin` and the demo. False
/// when there is no such role.
Task<bool> give_system_role(pg::Pool& pool, std::string tenant_id, std::string user_id,
                            std::string role);

}  // namespace pulse::tenancy
