#pragma once
// The `delivery` role: what routes took goes to its destinations. The stream ROUTES is emptied into
// a queue in PostgreSQL at once, so that nobody waits for a slow destination but its own messages;
// from there each route is delivered for by itself (route_delivery.hpp). One process does it at a
// time, others stand by.
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
  long patience_ms = 30'000;          ///< how long a message waits for a destination that fails
  long longest_wait_ms = 86'400'000;  ///< and for one that is slow
  std::size_t sends_at_once = 64;     ///< of all tenants: see SendShares
  std::size_t of_a_tenant = 16;       ///< of them
  std::size_t held_bytes = 64 * 1024 * 1024;  ///< payloads in memory; one for each route besides
  std::int64_t queue_of_a_route = 10'000;     ///< messages that may wait; more become dead letters
  std::int64_t queue_of_a_tenant = 100'000;  ///< shared by its routes where they have more together
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
  std::shared_ptr<Impl> impl_;
};

/// How many tries a message has.
inline constexpr int most_tries = 3;

}  // namespace pulse::routing
