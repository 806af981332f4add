#pragma once
// The devices of a group as jobs and campaigns aim at them.
#include <optional>
#include <string>
#include <vector>

#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// The members of a group, static or dynamic; nothing when there is no such group.
Task<std::optional<std::vector<std::string>>> targets_in_group(tenancy::TenantDb db,
                                                               std::string group_id);

}  // namespace pulse::fleet
