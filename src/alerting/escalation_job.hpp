#pragma once
// Moves alerts that nobody reacts to one level up, and tells the level's targets.
#include <functional>
#include <optional>
#include <string>

#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

struct EscalationJob {
  pg::Pool* pool = nullptr;
  nats::Client* nats = nullptr;
  metrics::Registry* metrics = nullptr;
  /// The address of a tenant's person by username; nothing for who is none, or disabled.
  std::function<Task<std::optional<std::string>>(std::string tenant_id, std::string username)>
      email_of;
};

/// One round. An alert's new level, its event and the messages to the level's targets are one
/// transaction: a crash loses none and escalates none twice. Returns how many were escalated.
Task<int> escalate_alerts(EscalationJob job);

}  // namespace pulse::alerting
