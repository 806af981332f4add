#pragma once
// The queue of notifications in PostgreSQL: made once an event, claimed under a lease, tried until
// they are delivered or given up.

namespace pulse::alerting::notifications {

/// Core NATS subject that says: jobs wait.
inline constexpr const char* jobs_subject = "pulse.notify.jobs";

}  // namespace pulse::alerting::notifications
