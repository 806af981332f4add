#include "fleet/group_targets.hpp"

#include "fleet/groups.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

Task<std::optional<std::vector<std::string>>> targets_in_group(tenancy::TenantDb db,
                                                               std::string group_id) {
  try {
    co_return co_await members_of_group(std::move(db), std::move(group_id));
  } catch (const HttpError& e) {
    // Who aims at a group has words of its own for one that is not there.
    if (e.status != 404) throw;
  }
  co_return std::nullopt;
}

}  // namespace pulse::fleet
