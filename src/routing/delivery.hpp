#pragma once
// The `delivery` role: what routes took goes to its destinations. The stream ROUTES is emptied into
// a queue in PostgreSQL at once, so that nobody waits for a slow destination but its own messages;
// from there each route is delivered for by itself, the messages of a device in their order. One
// process does it at a time, others stand by.
#include <memory>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/metrics/metrics.hpp"
#include "routing/destination.hpp"

namespace pulse::routing {

struct DeliverySettings {
  pg::PoolOptions leadership;                   ///< for the lock's own connection
  std::vector<long> back_off_ms{1'000, 5'000};  ///< before the second and the third try
  int breaker_after = 5;                        ///< failures in a row
  long breaker_ms = 5'000, breaker_most_ms = 60'000;
  long patience_ms = 30'000;     ///< how long a message waits for a destination that fails
  std::size_t of_a_tenant = 16;  ///< sends under way
};

/// Lives on one loop.
class Delivery {
 public:
  Delivery(DestinationTools tools, const crypto::Sealer& sealer, metrics::Registry& metrics,
           DeliverySettings settings);
  ~Delivery();
  /// Leads whenever nobody else does, for ever.
  Task<> run();
  /// Nothing new is begun.
  void stop();
  /// Something is under way.
  bool running() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// How many tries a message has.
inline constexpr int most_tries = 3;

}  // namespace pulse::routing
