#pragma once
// What the transports of a device keep true, for those who write them.
#include <string>

#include "fleet/deps.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

/// Others who change what belongs to the device wait until the transaction ends. Throws HttpError
/// 404 with the words of `otherwise`.
Task<> lock_device(pg::Transaction& tx, std::string device_id,
                   std::string otherwise = "Device not found");
/// A device that has transports has a primary one.
Task<> keep_a_primary(pg::Transaction& tx, std::string device_id);

}  // namespace pulse::fleet
