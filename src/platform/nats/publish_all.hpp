#pragma once
// JetStream publishes that are under way together.
#include "platform/nats/client.hpp"

namespace pulse::nats {

struct Outgoing {
  std::string subject, data;
  std::string msg_id;  ///< Nats-Msg-Id; empty: none
};

/// Publishes the messages one behind the other, without waiting in between, and waits for every
/// answer: that of messages[i] is at i. They are stored in their order, except those that failed:
/// who tries one again puts it behind the others. At most Client::max_in_flight().
Task<std::vector<PublishResult>> publish_all(Client& nats, std::vector<Outgoing> messages,
                                             long timeout_ms);

}  // namespace pulse::nats
