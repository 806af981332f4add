#include "routing/delivery.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "routing/route_run.hpp"
#include "routing/routes.hpp"

namespace pulse::routing {

namespace {

constexpr std::int64_t leader_lock = 0x70756c736545;
constexpr std::size_t held_most = 500;  // of one route
constexpr std::int64_t look_ms = 1'000, forgotten_ms = 60'000, reload_ms = 5'000;

/// A route that is delivered for.
struct Run {
  Run(boost::asio::any_io_executor executor, std::int64_t id, const DeliverySettings& s)
      : route_id(id), wake(executor), breaker(s.breaker_after, s.breaker_ms, s.breaker_most_ms) {}
  std::int64_t route_id;
  std::string tenant_id;
  boost::asio::steady_timer wake;
  bool woken = false, stale = true;
  std::int64_t version = 0, looked_ms = 0;
  std::shared_ptr<Destination> destination;
  std::string type, trouble;
  std::unique_ptr<Lanes> lanes;
  Breaker breaker;
  std::int64_t last_id = 0;
  std::size_t active = 0;
  std::vector<std::int64_t> done;
  std::vector<Undelivered> dead;

  void rouse() {
    woken = true;
    wake.cancel();
  }
};

OutgoingMessage outgoing(const Queued& m) {
  OutgoingMessage out;
  out.message_id = m.message_id;
  out.topic = m.topic;
  out.device_id = m.device_id;
  out.payload = m.payload;
  out.hops = m.hops;
  out.received_at = m.received_at;
  return out;
}

}  // namespace

struct Delivery::Impl {
  Impl(DestinationTools t, const crypto::Sealer& s, metrics::Registry& m, DeliverySettings settings)
      : tools(std::move(t)), sealer(s), metrics(m), settings(std::move(settings)) {
    changes =
        tools.nats->subscribe(routes_changed_subject, "", tools.executor, [this](nats::Message m) {
          for (auto& [id, run] : runs)
            if (run->tenant_id == m.data) run->stale = true, run->rouse();
        });
  }

  DestinationTools tools;
  const crypto::Sealer& sealer;
  metrics::Registry& metrics;
  DeliverySettings settings;
  std::unique_ptr<nats::Subscription> changes;
  std::map<std::int64_t, std::shared_ptr<Run>> runs;
  std::map<std::string, std::size_t> of_tenants;  // sends under way
  std::atomic<bool> stopping{false}, leading{false};
  bool ended = false;  // leadership

  void count(const Run& run, const char* outcome, std::size_t by);
  void begin(std::int64_t route_id);
  Task<> lead(std::function<bool()> still);
  Task<> take_in(nats::PullConsumer& consumer);
  Task<> look();
  Task<> follow(std::shared_ptr<Run> run);
  Task<bool> once(std::shared_ptr<Run> run);
  Task<> ready(std::shared_ptr<Run> run);
  Task<> write(std::shared_ptr<Run> run);
  void give_up_late(Run& run);
  void start_sends(const std::shared_ptr<Run>& run);
  Task<> send(std::shared_ptr<Run> run, std::string lane, std::vector<HeldMessage> messages);
  Task<> wait(std::shared_ptr<Run> run);
};

void Delivery::Impl::count(const Run& run, const char* outcome, std::size_t by) {
  if (by == 0) return;
  metrics.count("pulse_routed_messages_total", "Messages of routes, by what became of a try",
                {{"destination", run.type}, {"outcome", outcome}}, static_cast<double>(by));
}

void Delivery::Impl::begin(std::int64_t route_id) {
  if (ended || stopping) return;
  if (const auto known = runs.find(route_id); known != runs.end()) return known->second->rouse();
  const auto run = std::make_shared<Run>(tools.executor, route_id, settings);
  runs[route_id] = run;
  boost::asio::co_spawn(tools.executor, follow(run), boost::asio::detached);
}

/// The route as it is now: after a word of its tenant's routes, and every few seconds. When it
/// changed, what is under way ends first. Without a destination the run ends.
Task<> Delivery::Impl::ready(std::shared_ptr<Run> run) {
  if (!run->stale && steady_ms() - run->looked_ms < reload_ms) co_return;
  run->stale = true;
  const auto route = co_await running_route(*tools.pool, run->route_id);
  const bool same = route && run->version == route->version;
  if (!same && run->active > 0) co_return;
  run->stale = false;
  run->looked_ms = steady_ms();
  if (same) co_return;
  run->destination.reset();
  run->trouble.clear();
  if (!route) co_return;
  run->version = route->version;
  run->tenant_id = route->tenant_id;
  run->type = route->destination_type;
  run->breaker = Breaker(settings.breaker_after, settings.breaker_ms, settings.breaker_most_ms);
  try {
    auto target = target_of(sealer, *route);
    const auto& kind = kind_named(target.type);
    run->trouble = kind.fault(target, tools);
    run->destination = kind.make(tools, std::move(target));
  } catch (const crypto::Error&) {
    run->trouble = "The route's secrets can't be opened any more: enter them again";
  }
  // What was held under the former destination is read again.
  run->lanes = std::make_unique<Lanes>(!run->destination || run->destination->lanes() > 1);
  run->last_id = 0;
}

/// What was delivered, and what can't be, leaves the queue.
Task<> Delivery::Impl::write(std::shared_ptr<Run> run) {
  while (!run->done.empty()) {
    auto ids = std::move(run->done);
    run->done.clear();
    std::exception_ptr error;
    try {
      co_await unqueue(*tools.pool, ids);
    } catch (const pg::Error&) {
      error = std::current_exception();
    }
    if (!error) continue;
    run->done.insert(run->done.end(), ids.begin(), ids.end());
    std::rethrow_exception(error);
  }
  if (run->dead.empty()) co_return;
  auto dead = std::move(run->dead);
  run->dead.clear();
  std::exception_ptr error;
  try {
    co_await bury(*tools.pool, dead);
  } catch (const pg::Error&) {
    error = std::current_exception();
  }
  if (error) {
    run->dead.insert(run->dead.end(), dead.begin(), dead.end());
    std::rethrow_exception(error);
  }
  count(*run, "dead_letter", dead.size());
  for (const char* what : {"dead-letters", "message-routes"})  // routes count theirs
    tools.nats->publish("live." + run->tenant_id,
                        std::string(R"({"type":"changed","what":")") + what + "\"}");
}

/// Messages don't wait for ever for a destination that fails.
void Delivery::Impl::give_up_late(Run& run) {
  if (!run.breaker.open()) return;
  for (auto& m : run.lanes->drop_older(steady_ms() - settings.patience_ms)) {
    Undelivered u;
    u.id = m.message.id;
    u.attempts = m.attempts;
    u.error = "Not tried any more: the destination failed " +
              std::to_string(run.breaker.failures()) + " times in a row";
    run.dead.push_back(std::move(u));
  }
}

void Delivery::Impl::start_sends(const std::shared_ptr<Run>& run) {
  auto& of_tenant = of_tenants[run->tenant_id];
  while (run->active < run->breaker.allows(steady_ms(), run->destination->lanes()) &&
         of_tenant < settings.of_a_tenant) {
    std::string lane;
    auto messages = run->lanes->take(steady_ms(), run->destination->batch(), lane);
    if (messages.empty()) return;
    ++run->active;
    ++of_tenant;
    boost::asio::co_spawn(tools.executor, send(run, std::move(lane), std::move(messages)),
                          boost::asio::detached);
  }
}

Task<> Delivery::Impl::send(std::shared_ptr<Run> run, std::string lane,
                            std::vector<HeldMessage> messages) {
  const auto destination = run->destination;
  const auto tenant = run->tenant_id;
  const auto begun = steady_us();
  std::vector<OutgoingMessage> out;
  for (const auto& m : messages) out.push_back(outgoing(m.message));
  std::vector<Sent> sent(messages.size());
  std::string problem = run->trouble;
  if (problem.empty()) {
    try {
      sent = co_await destination->send(std::move(out));
    } catch (const std::exception& e) {
      problem = "Not delivered";
      log::error_throttled("delivery of a route failed",
                           {{"route", run->route_id}, {"error", e.what()}}, 10);
    }
  }
  if (!problem.empty())
    for (auto& s : sent) s.error = problem;
  metrics.observe("pulse_route_send_seconds", "Duration of a try at a destination",
                  {{"destination", run->type}}, static_cast<double>(steady_us() - begun) / 1e6);
  std::vector<HeldMessage> again;
  std::size_t taken = 0, temporary = 0;
  int most_attempts = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& m = messages[i];
    ++m.attempts;
    if (sent[i].ok()) {
      ++taken;
      run->done.push_back(m.message.id);
      continue;
    }
    if (!sent[i].permanent) ++temporary;
    if (sent[i].permanent || m.attempts >= most_tries) {
      Undelivered u;
      u.id = m.message.id;
      u.error = sent[i].error;
      u.attempts = m.attempts;
      run->dead.push_back(std::move(u));
    } else {
      most_attempts = std::max(most_attempts, m.attempts);
      again.push_back(std::move(m));
    }
  }
  count(*run, "delivered", taken);
  count(*run, "retried", again.size());
  if (taken > 0)
    run->breaker.succeeded();
  else if (temporary > 0)
    run->breaker.failed(steady_ms());
  const auto waits = settings.back_off_ms;
  const auto pause =
      again.empty() ? 0L
                    : waits[std::min(static_cast<std::size_t>(most_attempts), waits.size()) - 1];
  run->lanes->give_back(lane, std::move(again), steady_ms() + pause);
  --run->active;
  if (auto& n = of_tenants[tenant]; --n == 0) of_tenants.erase(tenant);
  run->rouse();
}

Task<> Delivery::Impl::wait(std::shared_ptr<Run> run) {
  if (run->woken) co_return;
  auto until = steady_ms() + look_ms;
  if (run->lanes) until = std::min(until, run->lanes->next_ms());
  if (run->breaker.open())
    until = std::max(until, std::min(run->breaker.next_try_ms(), steady_ms() + look_ms));
  // Where a tenant has as much under way as it may, there is no word of the end.
  const auto ms = std::max<std::int64_t>(20, until - steady_ms());
  run->wake.expires_after(std::chrono::milliseconds(ms));
  boost::system::error_code cancelled;
  co_await run->wake.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

/// One look at everything; false when there is nothing more to do.
Task<bool> Delivery::Impl::once(std::shared_ptr<Run> run) {
  run->woken = false;
  co_await write(run);
  if (ended || stopping) co_return run->active > 0;
  co_await ready(run);
  if (run->stale) co_return true;
  if (!run->destination && run->trouble.empty()) co_return run->active > 0;
  bool all = false;
  if (run->lanes->size() < held_most / 2) {
    auto page = co_await queued_for(*tools.pool, run->route_id, run->last_id,
                                    static_cast<std::int64_t>(held_most));
    all = page.empty();
    for (auto& m : page) {
      run->last_id = m.id;
      run->lanes->add(std::move(m), steady_ms());
    }
  }
  if (!run->destination) {
    for (auto& m : run->lanes->drop_older(INT64_MAX)) {
      Undelivered u;
      u.id = m.message.id;
      u.error = run->trouble;
      run->dead.push_back(std::move(u));
    }
    co_await write(run);
    co_return !all;
  }
  give_up_late(*run);
  start_sends(run);
  const bool idle = all && run->active == 0 && run->lanes->size() == 0 && run->dead.empty();
  co_return !idle || run->woken;
}

Task<> Delivery::Impl::follow(std::shared_ptr<Run> run) {
  bool more = true;
  while (more) {
    std::string problem;
    try {
      more = co_await once(run);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("queue of a route not read, trying again", {{"error", problem}}, 10);
      if ((ended || stopping) && run->active == 0) break;
      co_await sleep_ms(500);
    } else if (more) {
      co_await wait(run);
    }
  }
  runs.erase(run->route_id);
}

/// Messages of the stream go into the queue, and are acknowledged when they are there.
Task<> Delivery::Impl::take_in(nats::PullConsumer& consumer) {
  const auto delivered = co_await consumer.fetch(100, 500);
  if (delivered.empty()) co_return;
  std::vector<RoutedMessage> messages;
  std::set<std::int64_t> routes;
  for (const auto& d : delivered) {
    auto m = read_routed(d.data);
    if (!m) {
      log::error("a routed message can't be read", {{"subject", d.subject}});
      continue;
    }
    routes.insert(m->route_id);
    messages.push_back(std::move(*m));
  }
  if (!messages.empty()) co_await enqueue(*tools.pool, messages);
  for (const auto& d : delivered) consumer.ack(d);
  for (const auto id : routes) begin(id);
}

/// Finds what waits though no message tells of it: after a restart, or for a route that was
/// enabled.
Task<> Delivery::Impl::look() {
  const auto ids = co_await routes_with_queue(*tools.pool);
  for (const auto id : ids)
    if (!runs.contains(id)) begin(id);
  std::size_t open = 0;
  for (const auto& [id, run] : runs) open += run->breaker.open();
  metrics.set("pulse_route_breakers_open", "Routes whose destination fails", {},
              static_cast<double>(open));
}

Task<> Delivery::Impl::lead(std::function<bool()> still) {
  leading = true;
  ended = false;
  nats::ConsumerConfig config;
  config.stream = "ROUTES";
  config.durable = "route-delivery";
  config.ack_wait_ms = 30'000;
  config.max_ack_pending = 100;
  std::unique_ptr<nats::PullConsumer> consumer;
  std::int64_t look_due = 0, forgotten_due = 0;
  while (still() && !stopping) {
    std::string problem;
    try {
      if (!consumer) {
        co_await tools.nats->ensure_consumer(config);
        consumer = tools.nats->pull(config, tools.executor);
      }
      if (steady_ms() >= look_due) {
        look_due = steady_ms() + look_ms;
        co_await look();
      }
      if (steady_ms() >= forgotten_due) {
        forgotten_due = steady_ms() + forgotten_ms;
        co_await bury_forgotten(*tools.pool);
      }
      co_await take_in(*consumer);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (problem.empty()) continue;
    log::error_throttled("routed messages not taken, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(250);
  }
  if (consumer) consumer->drop_pending();
  ended = true;
  for (auto& [id, run] : runs) run->rouse();
  while (!runs.empty()) co_await sleep_ms(20);
  leading = false;
}

Delivery::Delivery(DestinationTools tools, const crypto::Sealer& sealer, metrics::Registry& metrics,
                   DeliverySettings settings)
    : impl_(std::make_unique<Impl>(std::move(tools), sealer, metrics, std::move(settings))) {}
Delivery::~Delivery() = default;

void Delivery::stop() {
  impl_->stopping = true;
  for (auto& [id, run] : impl_->runs) run->rouse();
}
bool Delivery::running() const { return impl_->leading; }

Task<> Delivery::run() {
  auto& self = *impl_;
  pg::PoolOptions options = self.settings.leadership;
  std::function<Task<>(std::function<bool()>)> lead = [&self](std::function<bool()> still) {
    return self.lead(std::move(still));
  };
  co_await pg::with_leadership(std::move(options), leader_lock, 500, std::move(lead));
}

}  // namespace pulse::routing
