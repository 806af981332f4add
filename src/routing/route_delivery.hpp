#pragma once
// One route being delivered for: from its queue to its destination, by the process that leads.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "routing/delivery.hpp"
#include "routing/route_run.hpp"
#include "routing/routes.hpp"
#include "routing/send_shares.hpp"

namespace pulse::routing {

/// What all routes are delivered with. Whatever is under way keeps it alive.
struct DeliveryOffice {
  DeliveryOffice(DestinationTools t, const crypto::Sealer& s, metrics::Registry& m,
                 DeliverySettings own)
      : tools(std::move(t)),
        sealer(s),
        metrics(m),
        settings(std::move(own)),
        shares(std::make_shared<SendShares>(settings.sends_at_once, settings.of_a_tenant)) {}

  DestinationTools tools;
  const crypto::Sealer& sealer;
  metrics::Registry& metrics;
  DeliverySettings settings;
  std::shared_ptr<SendShares> shares;
  std::shared_ptr<std::size_t> held_bytes = std::make_shared<std::size_t>(0);
  bool closed = false;  ///< nothing new is begun: leadership ended, or the process stops
  /// Steady: what a closed one can't write until then is delivered a second time.
  std::int64_t give_up_ms = 0;

  void close(std::int64_t patience_ms) {
    const auto then = steady_ms() + patience_ms;
    give_up_ms = closed ? std::min(give_up_ms, then) : then;
    closed = true;
  }
};

/// Lives on one loop, as a shared_ptr: each of its coroutines holds one, and the office, so that
/// none of them outlives what it works on.
class RouteDelivery : public std::enable_shared_from_this<RouteDelivery> {
 public:
  RouteDelivery(std::shared_ptr<DeliveryOffice> office, std::int64_t route_id);

  /// Until nothing waits any more and the queue is empty, or the office is closed and what was
  /// under way is done.
  static Task<> follow(std::shared_ptr<RouteDelivery> self);

  /// There may be something to do.
  void rouse();
  /// Its tenant's routes changed: it is read again.
  void look_again();
  /// So many of its messages may wait, of `waiting` that do: more become dead letters.
  void bound_queue(std::int64_t most, std::int64_t waiting);

  /// Empty until the route was read.
  const std::string& tenant() const { return tenant_id_; }
  bool breaker_open() const { return breaker_.open(); }

 private:
  using Self = std::shared_ptr<RouteDelivery>;
  static Task<bool> once(Self self);
  static Task<> ready(Self self);
  static Task<> read_queue(Self self);
  static Task<> write(Self self);
  static Task<> bury_surplus(Self self);
  static Task<> send(Self self, std::string lane, std::vector<HeldMessage> messages,
                     std::optional<SendShares::Place> place);
  static Task<> wait(Self self);

  void adopt(const StoredRoute& route);
  void give_up_late();
  void start_sends();
  void settle(std::string lane, std::vector<HeldMessage> messages, std::vector<Sent> sent,
              bool probing);
  void give_up(HeldMessage message, std::string error);
  void begin_write();
  bool unwritten() const { return writing_ || !done_.empty() || !dead_.empty(); }
  Pace pace() const;
  void count(const char* outcome, std::size_t by);
  void tell_of_dead_letters();

  std::shared_ptr<DeliveryOffice> office_;
  std::int64_t route_id_;
  boost::asio::steady_timer wake_;
  std::uint64_t words_ = 0;  ///< of changes, that came
  bool woken_ = false, stale_ = true, read_all_ = false, waits_for_place_ = false;
  bool writing_ = false, write_failed_ = false;
  std::int64_t version_ = 0, looked_ms_ = 0, last_id_ = 0;
  std::string tenant_id_, type_, trouble_;
  std::shared_ptr<Destination> destination_;
  std::unique_ptr<Lanes> lanes_;
  Breaker breaker_;
  std::multiset<std::int64_t> begun_ms_;      ///< of sends under way
  std::optional<std::int64_t> last_send_ms_;  ///< how long the last one took
  std::optional<std::int64_t> most_waiting_;  ///< set while there are more
  std::vector<std::int64_t> done_;
  std::vector<Undelivered> dead_;
};

}  // namespace pulse::routing
