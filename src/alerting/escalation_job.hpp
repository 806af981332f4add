#pragma once
// Moves alerts that nobody reacts to one level up, and tells the level's targets.
#include <functional>
#include <optional>
#include <string>

#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::crypto {
class Sealer;
}

namespace pulse::alerting {

/// A tenant's person as the directory knows them.
struct OncallPerson {
  std::string user_id;
  std::string email;  ///< may be empty
};

struct EscalationJob {
  pg::Pool* pool = nullptr;
  nats::Client* nats = nullptr;
  metrics::Registry* metrics = nullptr;
  /// The person by username, or by email address; nothing for who is none of the tenant's, or
  /// disabled. Throws when the directory can't be asked.
  std::function<Task<std::optional<OncallPerson>>(std::string tenant_id, std::string name)>
      person_of;
};

/// One round. An alert's new level, its event and the messages to the level's targets are one
/// transaction: a crash loses none and escalates none twice. A directory that can't be asked holds
/// up nothing: the message to its person is kept, and gets its address in a later round. Returns
/// how many were escalated.
Task<int> escalate_alerts(EscalationJob job);

}  // namespace pulse::alerting
