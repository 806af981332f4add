#pragma once
#include <functional>
#include <string>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

/// Marks devices that fell silent STALE, and OFFLINE after ten times their limit; writes a
/// DISCONNECTED event (heartbeat_timeout) and an audit entry when one leaves ONLINE; announces the
/// changes live. Returns how many changed. Set-based: one statement, by the index on last_seen_at.
Task<int> mark_silent_devices(pg::Pool& pool, nats::Client& nats, long stale_seconds);

}  // namespace pulse::fleet
