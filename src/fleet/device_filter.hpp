#pragma once
// The filters of the list of devices as conditions, for whoever answers the same question in
// another shape.
#include <string>

#include "fleet/devices.hpp"
#include "platform/pg/clauses.hpp"

namespace pulse::fleet {

struct FittingDevices {
  pg::Clauses where{" AND "};
  std::string from;      ///< device_registry r, with device_state s where it is needed
  bool by_sets = false;  ///< `from` joins sets: all that fit are best found before any is chosen
};

/// Paging and order are the caller's. Throws HttpError 400 for an unknown status and for a
/// malformed search.
Task<FittingDevices> fitting_devices(tenancy::TenantDb db, std::string tenant_id, DeviceQuery query,
                                     bool with_state);

}  // namespace pulse::fleet
