#pragma once
// Messages about an alert to somebody who is no channel: the targets of an escalation level, the
// person on call. They take the same way as all notifications: tried again, logged, never lost.
#include <cstdint>
#include <string>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting::notifications {

struct DirectMessage {
  std::string tenant_id;
  std::int64_t alert_id = 0;
  std::string kind;     ///< "email" or "webhook"
  std::string address;  ///< an email address, or a URL (reached through the guarded client)
  std::string event = "ESCALATED";  ///< OPEN, ACKNOWLEDGED, CLOSED or ESCALATED
  /// Names the message within its alert, e.g. "escalation:2:0:email:ada@x.example": the same key
  /// again does nothing.
  std::string key;
  std::string note;  ///< a sentence above the alert, e.g. "Escalated to level 2 ..."; may be empty
};

/// The INSERT of these messages, for the transaction that decides them (scope pulse_ingest, or the
/// tenant's). What was there already stays as it is.
pg::Statement enqueue_direct(const std::vector<DirectMessage>& messages);

/// Says that jobs wait: after the commit. A lost word costs a second.
void jobs_waiting(nats::Client& nats);

}  // namespace pulse::alerting::notifications
