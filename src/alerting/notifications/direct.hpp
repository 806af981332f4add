#pragma once
// Messages about an alert to somebody who is no channel: the targets of an escalation level, the
// person on call. They take the same way as all notifications: tried again, logged, never lost.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting::notifications {

struct DirectMessage {
  std::string tenant_id;
  std::int64_t alert_id = 0;
  /// "email", "webhook", "channel", or "person": waits until somebody knows their address.
  std::string kind;
  /// An email address, a URL (reached through the guarded client), or a username.
  std::string address;
  std::string sealed;  ///< a URL of which `address` is what people may see; empty: it is all of it
  std::optional<std::int64_t> channel_id;  ///< of a "channel"
  std::string event = "ESCALATED";         ///< OPEN, ACKNOWLEDGED, CLOSED or ESCALATED
  /// Names the message within its alert, e.g. "escalation:2:0:email:ada@x.example": the same key
  /// again does nothing.
  std::string key;
  std::string note;  ///< a sentence above the alert, e.g. "Escalated to level 2 ..."; may be empty
};

/// The INSERT of these messages, for the transaction that decides them (scope pulse_ingest, or the
/// tenant's). What was there already stays as it is.
pg::Statement enqueue_direct(const std::vector<DirectMessage>& messages);

/// A URL as people may see it: what follows the host, which may be a secret, is ***.
std::string shown_webhook(const std::string& url);
/// Throws HttpError 503 without a key to seal with.
std::string seal_webhook(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const std::string& url);
/// Throws crypto::Error when no key of this installation opens it.
std::string open_webhook(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const std::string& sealed);

/// Says that jobs wait: after the commit. A lost word costs a second.
void jobs_waiting(nats::Client& nats);

}  // namespace pulse::alerting::notifications
