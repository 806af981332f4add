#include "routing/delivery.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <map>
#include <set>

#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "routing/queue.hpp"
#include "routing/route_delivery.hpp"

namespace pulse::routing {

namespace {

constexpr std::int64_t leader_lock = 0x70756c736545;
constexpr std::int64_t look_ms = 1'000, backlogs_ms = 5'000, forgotten_ms = 60'000;
constexpr std::size_t most_series = 50;  // of a gauge that has one for each route
/// How long what was delivered is still to be written after leadership ended, and when the process
/// stops: longer than a restart of PostgreSQL, and shorter than what a stop is waited for.
constexpr std::int64_t leader_patience_ms = 10'000, stop_patience_ms = 3'000;

}  // namespace

struct Delivery::Impl : std::enable_shared_from_this<Delivery::Impl> {
  explicit Impl(std::shared_ptr<DeliveryOffice> o) : office(std::move(o)) {
    changes = office->tools.nats->subscribe(
        routes_changed_subject, "", office->tools.executor, [this](nats::Message m) {
          for (auto& [id, run] : runs)
            if (run->tenant().empty() || run->tenant() == m.data) run->look_again();
        });
  }

  std::shared_ptr<DeliveryOffice> office;
  std::unique_ptr<nats::Subscription> changes;
  std::map<std::int64_t, std::shared_ptr<RouteDelivery>> runs;
  std::vector<Backlog> waiting;  ///< as it was looked at last
  std::atomic<bool> stopping{false}, leading{false};

  void begin(std::int64_t route_id);
  void rouse_all();
  Task<> lead(std::function<bool()> still);
  Task<> take_in(nats::PullConsumer& consumer, std::function<bool()> still);
  Task<std::string> put_into_queue(std::vector<RoutedMessage> messages);
  Task<> look();
  Task<> bound_queues();
  Task<> bury_surplus(Backlog of, std::int64_t most);
  Task<> bury_forgotten_ones();
  void tell_metrics();
};

void Delivery::Impl::begin(std::int64_t route_id) {
  if (office->closed) return;
  if (const auto known = runs.find(route_id); known != runs.end()) return known->second->rouse();
  const auto run = std::make_shared<RouteDelivery>(office, route_id);
  runs[route_id] = run;
  boost::asio::co_spawn(office->tools.executor, RouteDelivery::follow(run),
                        [weak = weak_from_this(), route_id](std::exception_ptr) {
                          if (const auto self = weak.lock()) self->runs.erase(route_id);
                        });
}

void Delivery::Impl::rouse_all() {
  for (auto& [id, run] : runs) run->rouse();
}

/// Why not; empty: they are there.
Task<std::string> Delivery::Impl::put_into_queue(std::vector<RoutedMessage> messages) {
  std::string problem;
  try {
    co_await enqueue(*office->tools.pool, std::move(messages));
  } catch (const std::exception& e) {
    problem = e.what();
  }
  co_return problem;
}

/// Messages of the stream go into the queue, and are acknowledged when they are there. They are
/// held until then: those that come after them would overtake them.
Task<> Delivery::Impl::take_in(nats::PullConsumer& consumer, std::function<bool()> still) {
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
  while (!messages.empty()) {
    const auto problem = co_await put_into_queue(messages);
    if (problem.empty()) break;
    if (!still() || stopping) {
      for (const auto& d : delivered) consumer.nak(d, 0);
      co_return;
    }
    log::error_throttled("routed messages are not queued, trying again", {{"error", problem}}, 10);
    for (const auto& d : delivered) consumer.in_progress(d);
    co_await sleep_ms(500);
  }
  for (const auto& d : delivered) consumer.ack(d);
  for (const auto id : routes) begin(id);
}

/// Finds what waits though no message tells of it: after a restart, or for a route that was
/// enabled.
Task<> Delivery::Impl::look() {
  const auto ids = co_await routes_with_queue(*office->tools.pool);
  for (const auto id : ids)
    if (!runs.contains(id)) begin(id);
  tell_metrics();
}

/// No route's queue grows without bound, whatever becomes of its destination, nor do all of a
/// tenant's together.
Task<> Delivery::Impl::bound_queues() {
  waiting = co_await backlogs(*office->tools.pool);
  const auto& settings = office->settings;
  struct Sum {
    std::int64_t messages = 0, routes = 0;
  };
  std::map<std::string, Sum> tenants;
  for (const auto& of : waiting) {
    tenants[of.tenant_id].messages += of.messages;
    ++tenants[of.tenant_id].routes;
  }
  for (const auto& of : waiting) {
    const auto& sum = tenants[of.tenant_id];
    auto most = settings.queue_of_a_route;
    if (sum.messages > settings.queue_of_a_tenant)
      most = std::min(most, settings.queue_of_a_tenant / sum.routes);
    if (of.messages <= most) continue;
    // Who delivers for a route knows what of it is under way.
    if (const auto run = runs.find(of.route_id); run != runs.end())
      run->second->bound_queue(most, of.messages);
    else
      co_await bury_surplus(of, most);
  }
}

/// Of a route that nobody delivers for: nobody begins to meanwhile, since that is done from here.
Task<> Delivery::Impl::bury_surplus(Backlog of, std::int64_t most) {
  std::string error = "The route's queue was full: " + std::to_string(most) +
                      " messages wait for the route to be enabled";
  const auto buried =
      co_await bury_beyond(*office->tools.pool, of.route_id, 0, most, std::move(error));
  if (buried == 0) co_return;
  log::error_throttled("the queue of a disabled route is full: new messages become dead letters",
                       {{"route", of.route_id}, {"tenant", of.tenant_id}, {"messages", buried}},
                       10);
}

Task<> Delivery::Impl::bury_forgotten_ones() {
  std::vector<std::int64_t> delivered;
  for (const auto& [id, run] : runs) delivered.push_back(id);
  co_await bury_forgotten(*office->tools.pool, std::move(delivered));
}

/// Each route's series, but only of the routes where most waits: a tenant can make thousands.
void Delivery::Impl::tell_metrics() {
  auto& m = office->metrics;
  std::map<metrics::Labels, double> queued, failing;
  const auto labels = [](const std::string& tenant, std::int64_t id) {
    return metrics::Labels{{"tenant", tenant}, {"route", std::to_string(id)}};
  };
  std::sort(waiting.begin(), waiting.end(),
            [](const auto& a, const auto& b) { return a.messages > b.messages; });
  double all = 0;
  for (const auto& of : waiting) {
    all += static_cast<double>(of.messages);
    if (queued.size() < most_series)
      queued[labels(of.tenant_id, of.route_id)] = static_cast<double>(of.messages);
  }
  std::size_t open = 0;
  for (const auto& [id, run] : runs) {
    if (!run->breaker_open()) continue;
    ++open;
    if (failing.size() < most_series) failing[labels(run->tenant(), id)] = 1;
  }
  m.set("pulse_route_queue_messages", "Messages that wait for the destinations of their routes", {},
        all);
  m.replace("pulse_route_queued", "Messages that wait, of the routes where most do", queued);
  m.set("pulse_route_breakers_open", "Routes whose destination fails", {},
        static_cast<double>(open));
  m.replace("pulse_route_breaker_open", "1: this route's destination fails (50 of them at most)",
            failing);
  m.set("pulse_route_sends_under_way", "Tries at destinations that are under way", {},
        static_cast<double>(office->shares->taken()));
  m.set("pulse_route_held_bytes", "Payloads that the delivery holds in memory", {},
        static_cast<double>(*office->held_bytes));
}

Task<> Delivery::Impl::lead(std::function<bool()> still) {
  leading = true;
  office->closed = stopping;
  nats::ConsumerConfig config;
  config.stream = "ROUTES";
  config.durable = "route-delivery";
  config.ack_wait_ms = 30'000;
  config.max_ack_pending = 100;
  std::unique_ptr<nats::PullConsumer> consumer;
  std::int64_t look_due = 0, backlogs_due = 0, forgotten_due = 0;
  while (still() && !stopping) {
    std::string problem;
    try {
      // What waits in the queue is delivered although NATS is away.
      if (steady_ms() >= look_due) {
        look_due = steady_ms() + look_ms;
        co_await look();
      }
      if (steady_ms() >= backlogs_due) {
        backlogs_due = steady_ms() + backlogs_ms;
        co_await bound_queues();
      }
      if (steady_ms() >= forgotten_due) {
        forgotten_due = steady_ms() + forgotten_ms;
        co_await bury_forgotten_ones();
      }
      if (!consumer) {
        co_await office->tools.nats->ensure_consumer(config);
        consumer = office->tools.nats->pull(config, office->tools.executor);
      }
      co_await take_in(*consumer, still);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (problem.empty()) continue;
    log::error_throttled("routed messages not taken, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(250);
  }
  if (consumer) consumer->drop_pending();
  office->close(leader_patience_ms);
  rouse_all();
  while (!runs.empty()) co_await sleep_ms(20);
  // Whoever leads now tells of the queue.
  waiting.clear();
  tell_metrics();
  leading = false;
}

Delivery::Delivery(DestinationTools tools, const crypto::Sealer& sealer, metrics::Registry& metrics,
                   DeliverySettings settings)
    : impl_(std::make_shared<Impl>(std::make_shared<DeliveryOffice>(
          std::move(tools), sealer, metrics, std::move(settings)))) {}
/// What is under way keeps what it works on; nothing new comes to it.
Delivery::~Delivery() { impl_->changes.reset(); }

void Delivery::stop() {
  impl_->stopping = true;
  impl_->office->close(stop_patience_ms);
  impl_->rouse_all();
}
bool Delivery::running() const { return impl_->leading; }

Task<> Delivery::run() {
  const auto impl = impl_;
  pg::PoolOptions options = impl->office->settings.leadership;
  std::function<Task<>(std::function<bool()>)> lead = [impl](std::function<bool()> still) {
    return impl->lead(std::move(still));
  };
  co_await pg::with_leadership(std::move(options), leader_lock, 500, std::move(lead));
}

}  // namespace pulse::routing
