#pragma once
// The catalogue of permissions and what the realm's roles hold of it.
#include <string_view>

#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// True when the catalogue knows this permission. An endpoint that needs an unknown one is refused
/// at start-up.
bool known_permission(std::string_view permission);

/// True when the caller holds the permission in its tenant. `tenant-admin` holds all, and so does an
/// operator whose token carries a tenant; `customer`
/// holds what runs a fleet: reading everything, and the devices and sites. Unknown ones nobody holds.
bool holds(const Caller& caller, std::string_view permission);

}  // namespace pulse::tenancy
