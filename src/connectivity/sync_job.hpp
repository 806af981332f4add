#pragma once
// Carriers' usage and status of SIMs, into the transports of devices, from time to time.
#include "connectivity/deps.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::connectivity {

/// Syncs every integration that is due or becomes so meanwhile, a few at a time. Each is claimed
/// first, so that no other worker does it too; one that failed waits twice as long, up to a day.
Task<> sync_due_integrations(ConnectivityDeps d, pg::Pool& pool);

}  // namespace pulse::connectivity
