#include "routing/route_delivery.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::routing {

namespace {

constexpr std::size_t held_most = 500;               // of one route
constexpr std::size_t page_bytes = 2 * 1024 * 1024;  // read at once
constexpr std::size_t send_bytes = 1024 * 1024;      // in one send
constexpr std::int64_t look_ms = 1'000, reload_ms = 5'000;
constexpr std::int64_t slow_ms = 1'000;  // a send of a destination that others must not wait for
constexpr long ours_pause_ms = 1'000;    // while our own servers are away

OutgoingMessage outgoing(const Queued& m) {
  OutgoingMessage out;
  out.message_id = m.message_id;
  out.topic = m.topic;
  out.device_id = m.device_id;
  out.payload = m.payload;
  out.hops = m.hops;
  out.fanout_left = m.fanout_left;
  out.received_at = m.received_at;
  return out;
}

Breaker new_breaker(const DeliverySettings& s) {
  return {s.breaker_after, s.breaker_ms, s.breaker_most_ms};
}

}  // namespace

RouteDelivery::RouteDelivery(std::shared_ptr<DeliveryOffice> office, std::int64_t route_id)
    : office_(std::move(office)),
      route_id_(route_id),
      wake_(office_->tools.executor),
      breaker_(new_breaker(office_->settings)) {}

void RouteDelivery::rouse() {
  woken_ = true;
  wake_.cancel();
}

void RouteDelivery::look_again() {
  stale_ = true;
  ++words_;
  rouse();
}

void RouteDelivery::bound_queue(std::int64_t most, std::int64_t waiting) {
  if (waiting <= most) return;
  most_waiting_ = most;
  rouse();
}

void RouteDelivery::count(const char* outcome, std::size_t by) {
  if (by == 0) return;
  office_->metrics.count("pulse_routed_messages_total",
                         "Messages of routes, by what became of a try",
                         {{"destination", type_}, {"outcome", outcome}}, static_cast<double>(by));
}

void RouteDelivery::tell_of_dead_letters() {
  for (const char* what : {"dead-letters", "message-routes"})  // routes count theirs
    office_->tools.nats->publish("live." + tenant_id_,
                                 std::string(R"({"type":"changed","what":")") + what + "\"}");
}

/// The route as it is now: after a word of its tenant's routes, and every few seconds. When it
/// changed, what is under way ends first, and leaves the queue: the queue is read anew then, and
/// what was delivered already would be sent a second time. Without a destination the run ends.
Task<> RouteDelivery::ready(Self self) {
  auto& r = *self;
  if (!r.stale_ && steady_ms() - r.looked_ms_ < reload_ms) co_return;
  r.stale_ = true;
  const auto words = r.words_;
  const auto route = co_await running_route(*r.office_->tools.pool, r.route_id_);
  const bool same = route && r.version_ == route->version;
  if (!same && (!r.begun_ms_.empty() || r.unwritten())) co_return;
  // A word that came while the route was read asks for one more look.
  r.stale_ = r.words_ != words;
  r.looked_ms_ = steady_ms();
  if (same) co_return;
  r.destination_.reset();
  r.trouble_.clear();
  if (route) r.adopt(*route);
}

void RouteDelivery::adopt(const StoredRoute& route) {
  version_ = route.version;
  tenant_id_ = route.tenant_id;
  type_ = route.destination_type;
  breaker_ = new_breaker(office_->settings);
  last_send_ms_.reset();
  try {
    auto target = target_of(office_->sealer, route);
    const auto& kind = kind_named(target.type);
    trouble_ = kind.fault(target, office_->tools);
    destination_ = kind.make(office_->tools, std::move(target));
  } catch (const crypto::Error&) {
    trouble_ = "The route's secrets can't be opened any more: enter them again";
  }
  // What was held under the former destination is read again.
  lanes_ = std::make_unique<Lanes>(!destination_ || destination_->lanes() > 1);
  last_id_ = 0;
}

/// Sends go on meanwhile; one transaction at a time writes what came of all that ended before it.
void RouteDelivery::begin_write() {
  if (writing_ || !unwritten()) return;
  writing_ = true;
  boost::asio::co_spawn(office_->tools.executor, write(shared_from_this()), boost::asio::detached);
}

/// What was delivered, and what can't be, leaves the queue.
Task<> RouteDelivery::write(Self self) {
  auto& r = *self;
  auto& pool = *r.office_->tools.pool;
  auto done = std::move(r.done_);
  auto dead = std::move(r.dead_);
  r.done_.clear();
  r.dead_.clear();
  std::string problem;
  try {
    if (!done.empty()) co_await unqueue(pool, done);
    done.clear();
    if (!dead.empty()) co_await bury(pool, dead);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  r.write_failed_ = !problem.empty();
  if (r.write_failed_) {
    log::error_throttled("what a route delivered is not written, trying again",
                         {{"route", r.route_id_}, {"error", problem}}, 10);
    r.done_.insert(r.done_.end(), done.begin(), done.end());
    r.dead_.insert(r.dead_.end(), dead.begin(), dead.end());
    co_await sleep_ms(500);
  } else {
    r.count("dead_letter", dead.size());
    if (!dead.empty()) r.tell_of_dead_letters();
  }
  r.writing_ = false;
  r.rouse();
}

/// The newest of what waits beyond the bound; what is held, or under way, is not touched.
Task<> RouteDelivery::bury_surplus(Self self) {
  auto& r = *self;
  if (!r.most_waiting_) co_return;
  const auto held = static_cast<std::int64_t>(r.lanes_->size() + r.begun_ms_.size());
  const auto most = *r.most_waiting_;
  const auto keep = std::max<std::int64_t>(0, most - held);
  std::string error =
      "The route's queue was full: " + std::to_string(most) + " messages wait for the destination";
  const auto buried =
      co_await bury_beyond(*r.office_->tools.pool, r.route_id_, r.last_id_, keep, std::move(error));
  if (buried == 0) {
    r.most_waiting_.reset();
    co_return;
  }
  r.count("dead_letter", static_cast<std::size_t>(buried));
  r.tell_of_dead_letters();
  log::error_throttled("a route's queue is full: new messages become dead letters",
                       {{"route", r.route_id_}, {"messages", buried}}, 10);
}

/// A page of the queue, as large as memory allows: the next one when there is room.
Task<> RouteDelivery::read_queue(Self self) {
  auto& r = *self;
  r.read_all_ = false;
  const auto held = r.lanes_->size();
  const auto budget = r.office_->settings.held_bytes, taken = *r.office_->held_bytes;
  const auto room = taken < budget ? budget - taken : 0;
  // One message is always held, so that no route waits for another one's memory for ever.
  if (held >= held_most / 2 || (room == 0 && held > 0)) co_return;
  const auto bytes = static_cast<std::int64_t>(std::min(room, page_bytes));
  auto page = co_await queued_for(*r.office_->tools.pool, r.route_id_, r.last_id_,
                                  static_cast<std::int64_t>(held_most), bytes);
  r.read_all_ = page.empty();
  for (auto& m : page) {
    r.last_id_ = m.id;
    HeldMessage message;
    const auto waited = std::max<std::int64_t>(0, now_ms() - to_ms(m.created_at));
    message.queued_ms = steady_ms() - waited;
    message.bytes = HeldBytes(r.office_->held_bytes, m.payload.size());
    message.message = std::move(m);
    r.lanes_->add(std::move(message));
  }
}

void RouteDelivery::give_up(HeldMessage message, std::string error) {
  Undelivered u;
  u.id = message.message.id;
  u.attempts = message.attempts;
  u.error = std::move(error);
  dead_.push_back(std::move(u));
}

/// Messages don't wait for ever: not for a destination that fails, nor for one that is slow.
void RouteDelivery::give_up_late() {
  const auto& settings = office_->settings;
  for (auto& m : lanes_->drop_older(steady_ms() - settings.longest_wait_ms))
    give_up(std::move(m), "Waited for more than a day for its destination");
  // From when the destination began to fail: what waited before had its turn to come.
  const auto before = steady_ms() - settings.patience_ms;
  if (!breaker_.open() || breaker_.since_ms() > before) return;
  for (auto& m : lanes_->drop_older(before))
    give_up(std::move(m), "Not tried any more: the destination failed " +
                              std::to_string(breaker_.failures()) + " times in a row");
}

Pace RouteDelivery::pace() const {
  if (!begun_ms_.empty() && steady_ms() - *begun_ms_.begin() > slow_ms) return Pace::slow;
  if (!last_send_ms_) return Pace::unknown;
  return *last_send_ms_ > slow_ms ? Pace::slow : Pace::fast;
}

void RouteDelivery::start_sends() {
  // What was sent and not written is sent again after a crash: that has a bound.
  if (office_->closed || write_failed_) return;
  while (done_.size() + dead_.size() < held_most &&
         begun_ms_.size() < breaker_.allows(steady_ms(), destination_->lanes()) &&
         lanes_->next_ms() <= steady_ms()) {
    auto place = office_->shares->take(tenant_id_, begun_ms_.size(), pace());
    if (!place) {
      if (std::exchange(waits_for_place_, true)) return;
      office_->shares->when_free([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->waits_for_place_ = false;
        self->rouse();
      });
      return;
    }
    std::string lane;
    auto messages = lanes_->take(steady_ms(), destination_->batch(), send_bytes, lane);
    if (messages.empty()) return;
    // It runs at once, and may be at its end when this call comes back.
    boost::asio::co_spawn(
        office_->tools.executor,
        send(shared_from_this(), std::move(lane), std::move(messages), std::move(place)),
        boost::asio::detached);
  }
}

Task<> RouteDelivery::send(Self self, std::string lane, std::vector<HeldMessage> messages,
                           std::optional<SendShares::Place> place) {
  auto& r = *self;
  const auto destination = r.destination_;
  const bool probing = r.breaker_.open();
  const auto begun = steady_ms();
  r.begun_ms_.insert(begun);
  std::vector<OutgoingMessage> out;
  for (const auto& m : messages) out.push_back(outgoing(m.message));
  std::vector<Sent> sent(messages.size());
  std::string problem = r.trouble_;
  if (problem.empty()) {
    try {
      sent = co_await destination->send(std::move(out));
    } catch (const std::exception& e) {
      problem = "Not delivered";
      log::error_throttled("delivery of a route failed",
                           {{"route", r.route_id_}, {"error", e.what()}}, 10);
    }
  }
  if (!problem.empty())
    for (auto& s : sent) s.error = problem;
  const auto took = steady_ms() - begun;
  r.last_send_ms_ = took;
  r.begun_ms_.erase(r.begun_ms_.find(begun));
  r.office_->metrics.observe("pulse_route_send_seconds", "Duration of a try at a destination",
                             {{"destination", r.type_}}, static_cast<double>(took) / 1e3);
  r.settle(std::move(lane), std::move(messages), std::move(sent), probing);
  place.reset();
  r.rouse();
}

/// What becomes of messages that were tried. A try by which it was only found out whether the
/// destination still fails, or for which our own servers were away, does not count.
void RouteDelivery::settle(std::string lane, std::vector<HeldMessage> messages,
                           std::vector<Sent> sent, bool probing) {
  std::vector<HeldMessage> again;
  std::size_t taken = 0, failed = 0, away = 0;
  int most_attempts = 1;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& m = messages[i];
    auto& s = sent[i];
    if (s.ok()) {
      ++taken;
      done_.push_back(m.message.id);
      continue;
    }
    if (s.ours) {
      ++away;
      again.push_back(std::move(m));
      continue;
    }
    if (!s.permanent) ++failed;
    if (s.permanent || !probing) ++m.attempts;
    if (s.permanent || m.attempts >= most_tries) {
      give_up(std::move(m), std::move(s.error));
    } else {
      most_attempts = std::max(most_attempts, m.attempts);
      again.push_back(std::move(m));
    }
  }
  count("delivered", taken);
  count("retried", again.size());
  if (taken > 0)
    breaker_.succeeded();
  else if (failed > 0)
    breaker_.failed(steady_ms());
  long pause = 0;
  if (failed > 0 && !again.empty()) {
    const auto& waits = office_->settings.back_off_ms;
    pause = waits[std::min(static_cast<std::size_t>(most_attempts), waits.size()) - 1];
  } else if (away > 0) {
    pause = ours_pause_ms;
  }
  lanes_->give_back(lane, std::move(again), steady_ms() + pause);
}

Task<> RouteDelivery::wait(Self self) {
  auto& r = *self;
  if (r.woken_) co_return;
  const auto now = steady_ms();
  auto until = now + look_ms;
  // Who waits for a place is called, as is who waits for the end of a send or of a write; all look
  // once a second besides.
  const bool may_send = r.destination_ && !r.write_failed_ && !r.waits_for_place_ &&
                        r.begun_ms_.size() < r.breaker_.allows(now, r.destination_->lanes());
  if (may_send) until = std::min(until, r.lanes_->next_ms());
  if (r.breaker_.open()) until = std::max(until, std::min(r.breaker_.next_try_ms(), now + look_ms));
  const auto ms = std::max<std::int64_t>(20, until - now);
  r.wake_.expires_after(std::chrono::milliseconds(ms));
  boost::system::error_code cancelled;
  co_await r.wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

/// One look at everything; false when there is nothing more to do.
Task<bool> RouteDelivery::once(Self self) {
  auto& r = *self;
  r.woken_ = false;
  if (r.office_->closed) {
    const bool late = steady_ms() > r.office_->give_up_ms;
    if (r.write_failed_ && !r.writing_ && late) co_return !r.begun_ms_.empty();
    r.begin_write();
    co_return !r.begun_ms_.empty() || r.unwritten();
  }
  r.begin_write();
  co_await ready(self);
  if (r.stale_) co_return true;
  if (!r.destination_ && r.trouble_.empty()) co_return !r.begun_ms_.empty() || r.unwritten();
  co_await bury_surplus(self);
  r.give_up_late();
  if (r.destination_) r.start_sends();  // of what is held, before the next page is read
  co_await read_queue(self);
  if (r.destination_) {
    r.start_sends();
  } else {
    for (auto& m : r.lanes_->drop_older(INT64_MAX)) r.give_up(std::move(m), r.trouble_);
    r.begin_write();
  }
  const bool idle = r.read_all_ && r.begun_ms_.empty() && r.lanes_->size() == 0 && !r.unwritten();
  co_return !idle || r.woken_;
}

Task<> RouteDelivery::follow(Self self) {
  auto& r = *self;
  bool more = true;
  while (more) {
    std::string problem;
    try {
      more = co_await once(self);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("queue of a route not read, trying again", {{"error", problem}}, 10);
      co_await sleep_ms(500);
    } else if (more) {
      co_await wait(self);
    }
  }
}

}  // namespace pulse::routing
