#pragma once
// The catalogue of permissions and what the realm's roles hold of it.
#include <span>
#include <string_view>

#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// True when the catalogue knows this permission. An endpoint that needs an unknown one is refused
/// at start-up.
bool known_permission(std::string_view permission);

/// Every permission, sorted.
std::span<const std::string_view> all_permissions();

/// True when the caller holds the permission in its tenant. `tenant-admin` holds all, and so does
/// an operator whose token carries a tenant; others what their roles bundle. An API token holds no
/// more than its scopes, and no more than its owner; a service account just its scopes. Unknown
/// permissions nobody holds.
bool holds(const Caller& caller, const Membership* membership, std::string_view permission);
/// All that `holds` says yes to, sorted.
std::vector<std::string> held_by(const Caller& caller, const Membership* membership);

}  // namespace pulse::tenancy
