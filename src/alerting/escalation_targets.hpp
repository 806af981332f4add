#pragma once
// Whom a level of an escalation policy tells, and by what.
#include <optional>
#include <string>
#include <vector>

#include "alerting/escalation_job.hpp"
#include "alerting/notifications/direct.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting {

/// A level that some alert has come to.
struct DueLevel {
  std::string tenant_id;
  std::int64_t level_id = 0, level_number = 0;
  std::string policy_name;
  std::optional<std::string> notify_email, notify_webhook, sealed_webhook;
  std::optional<std::int64_t> oncall_schedule_id;
};
BOOST_DESCRIBE_STRUCT(DueLevel, (),
                      (tenant_id, level_id, level_number, policy_name, notify_email, notify_webhook,
                       sealed_webhook, oncall_schedule_id))

/// A level with whom it tells: `told` is what the alert's timeline says.
struct EscalationTargets {
  DueLevel level;
  std::vector<notifications::DirectMessage> messages;
  boost::json::array told;
};

/// The directory in one round: once it could not be asked it is not asked again, so that a round
/// waits for it once at most.
struct DirectoryState {
  bool away = false;
};

/// Throws when the schedule of who is on call can't be read now.
Task<EscalationTargets> escalation_targets(EscalationJob job, DueLevel level,
                                           DirectoryState* directory);

/// Gives messages that wait for their person's address what the directory knows by now. Returns how
/// many can go.
Task<int> address_waiting_people(EscalationJob job, DirectoryState* directory);

}  // namespace pulse::alerting
