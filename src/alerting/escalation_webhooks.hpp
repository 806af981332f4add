#pragma once
// Webhooks of escalation levels that were stored before their addresses were sealed.
#include "platform/crypto/crypto.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

/// Seals those that are in clear and have something to hide; without a key to seal with it leaves
/// them. A level that is changed meanwhile stays as it was changed. Returns how many were sealed.
Task<int> seal_older_webhooks(pg::Pool& pool, const crypto::Sealer& sealer);

}  // namespace pulse::alerting
