#pragma once
// Inside of platform/nats only: the life of a subscription of nats.c.
#include <nats/nats.h>

#include <functional>
#include <memory>
#include <string>

#include "platform/nats/client.hpp"

namespace pulse::nats {

/// A subscription of nats.c. Its messages come on a thread that nats.c has for it.
class RawSubscription {
 public:
  /// Becomes the message's owner.
  using Take = std::function<void(natsMsg*)>;

  /// `client` outlives this. An empty `queue` is no queue group. Throws Error.
  RawSubscription(Client::Impl& client, const std::string& subject, const std::string& queue,
                  Take take);
  /// Ends it. Afterwards `take` runs no more, and is gone with what it holds, which may belong to
  /// the caller's loop. Not from within `take`.
  ~RawSubscription();
  RawSubscription(const RawSubscription&) = delete;

  /// Lets any number of messages wait for their thread.
  void let_all_wait();

 private:
  struct State;
  Client::Impl& client_;
  std::shared_ptr<State> state_;
  natsSubscription* sub_ = nullptr;
};

}  // namespace pulse::nats
