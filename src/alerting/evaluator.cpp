#include "alerting/evaluator.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "alerting/alert_outbox.hpp"
#include "alerting/evaluator_impl.hpp"
#include "fleet/registry_cache.hpp"
#include "platform/clock.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "telemetry/readings.hpp"

namespace pulse::alerting {

using namespace boost::asio::experimental::awaitable_operators;

namespace {
constexpr long lease_period_ms = 1'000;
constexpr std::int64_t lease_ms = 4'500;  // a little less than PostgreSQL holds it
constexpr std::int64_t standing_ms = 5'000;
constexpr std::int64_t look_again_ms = 30'000;
constexpr std::size_t messages_at_once = 32;  // of a part
}  // namespace

Evaluator::Impl::Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n,
                      metrics::Registry& m, EvaluatorSettings s)
    : executor(std::move(e)), pool(p), nats(n), metrics(m), settings(s), wake(executor) {
  rules_word = nats.subscribe(telemetry::rules_changed_subject, "", executor,
                              [this](nats::Message) { versions_due_ms = 0; });
  device_word = nats.subscribe(fleet::invalidate_subject, "", executor,
                               [this](nats::Message message) { device_changed(message.data); });
}

/// After a failure nobody knows what was written: everything is read anew, by who has the next
/// turn.
void Evaluator::Impl::forget(const std::string& why) {
  log::error_throttled("evaluator starts over from what is stored", {{"error", why}}, 5);
  start_over = true;
}

/// Renews the leases, whatever else goes on: who judges holds the turn for longer than they last.
Task<> Evaluator::Impl::renew_on() {
  while (!stopping) {
    std::string problem;
    try {
      const auto asked = steady_ms();
      surplus = co_await renew_leases(pool, member);
      leases = co_await held_parts(pool, member);
      leases_end_ms = asked + lease_ms;
      std::set<std::pair<int, std::int64_t>> held;
      for (const auto& lease : leases) held.emplace(lease.part, lease.epoch);
      for (const auto& [number, part] : parts)
        if (!held.contains({number, part->lease.epoch})) part->ended = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("leases are not renewed, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(lease_period_ms);
  }
}

void Evaluator::Impl::drop_part(int number) {
  const auto part = parts.find(number);
  if (part == parts.end()) return;
  part->second->ended = true;
  parts.erase(part);
  for (auto& [tenant, run] : tenants) {
    run.loaded.erase(number);
    run.unsettled.erase(number);
    if (run.engine)
      run.engine->drop_devices([&, id = tenant](const std::string& device) {
        return telemetry::reading_part(id, device) == number;
      });
  }
}

/// Brings the parts to what the leases say, and their number to the fair share.
Task<> Evaluator::Impl::balance() {
  const auto turn = co_await turns.take();
  if (surplus > 0) {
    std::vector<std::int64_t> going;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
      if (static_cast<int>(going.size()) < surplus) going.push_back(part->first);
    for (const auto number : going) drop_part(static_cast<int>(number));
    co_await release_parts(pool, member, std::move(going));
  } else if (surplus < 0) {
    co_await claim_parts(pool, member, -surplus);
  }
  surplus = 0;
  leases = co_await held_parts(pool, member);
  std::set<int> held;
  for (const auto& lease : leases) {
    held.insert(lease.part);
    const auto known = parts.find(lease.part);
    // One that ended although it is held was claimed while a renewal was under way that did not
    // know of it: it begins again.
    if (known != parts.end() && known->second->lease.epoch == lease.epoch && !known->second->ended)
      continue;
    drop_part(lease.part);
    auto part = std::make_shared<PartRun>();
    part->lease = lease;
    part->quiet_since_ms = now_ms();
    parts[lease.part] = part;
    boost::asio::co_spawn(executor, follow_part(part), boost::asio::detached);
  }
  std::vector<int> lost;
  for (const auto& [number, part] : parts)
    if (!held.contains(number)) lost.push_back(number);
  for (const auto number : lost) drop_part(number);
  metrics.set("pulse_evaluator_parts", "Parts of the devices that this process judges", {},
              static_cast<double>(parts.size()));
}

Task<> Evaluator::Impl::balance_on() {
  while (!stopping) {
    std::string problem;
    try {
      bool same = surplus == 0 && leases.size() == parts.size();
      for (const auto& [number, part] : parts) same = same && !part->ended;
      if (!same && holds_leases()) co_await balance();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("parts are not balanced, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(250);
  }
}

/// A message is given up only with its part: who gets that judges it anew.
Task<> Evaluator::Impl::judge_until_done(std::vector<std::shared_ptr<Waiting>> batch) {
  while (!stopping) {
    std::string problem;
    bool done = false;
    try {
      const auto turn = co_await turns.take();
      std::erase_if(batch, [](const auto& w) { return w->part->ended; });
      if (batch.empty()) co_return;
      if (holds_leases()) {
        co_await judge(batch);
        done = true;
      }
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (done) {
      for (const auto& w : batch) w->judged = true;
      co_return;
    }
    if (!problem.empty()) forget(problem);
    co_await sleep_ms(200);
  }
}

/// Judges together what waits.
Task<> Evaluator::Impl::process() {
  while (!stopping || open_parts > 0) {
    if (waiting.empty()) {
      wake.expires_after(std::chrono::milliseconds(500));
      boost::system::error_code cancelled;
      co_await wake.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
      continue;
    }
    auto batch = std::move(waiting);
    waiting.clear();
    co_await judge_until_done(batch);
    for (const auto& w : batch) w->done->cancel();
  }
}

namespace {
nats::ConsumerConfig consumer_of(int part) {
  nats::ConsumerConfig config;
  config.stream = "READINGS";
  config.durable = "evaluator-" + std::to_string(part);
  config.filter_subject = "readings." + std::to_string(part);
  config.ack_wait_ms = 6'000;
  config.max_ack_pending = 4 * messages_at_once;
  config.max_request_bytes = 1024 * 1024;
  return config;
}
}  // namespace

/// From the first message that nobody acknowledged, also of those that who held the part before
/// still has: what it judged of them, the part's lease says.
Task<> Evaluator::Impl::begin_part(PartRun& part) {
  const auto config = consumer_of(part.lease.part);
  part.consumer.reset();
  co_await nats.restart_consumer(config);
  part.consumer = nats.pull(config, executor);
  part.next = 1;
  part.begun_ms = now_ms();
}

/// One that had to be made counts its messages from 1: a gap, at which the part begins again.
Task<> Evaluator::Impl::look_for_consumer(PartRun& part) {
  const auto config = consumer_of(part.lease.part);
  co_await nats.ensure_consumer(config);
  part.begun_ms = now_ms();
}

/// What came of a part is judged together, in its order and without gaps: the lease then says by
/// one number how far the part is. A gap was delivered to somebody else, or lost: the consumer
/// begins again there.
Task<> Evaluator::Impl::judge_next(std::shared_ptr<PartRun> part) {
  const auto messages = co_await part->consumer->fetch(messages_at_once, 1'000);
  std::size_t in_order = 0;
  while (in_order < messages.size() && messages[in_order].consumer_sequence == part->next) {
    ++part->next;
    ++in_order;
  }
  if (in_order > 0 && !part->ended && !stopping) {
    boost::asio::steady_timer done(executor, boost::asio::steady_timer::time_point::max());
    const auto w = std::make_shared<Waiting>();
    w->part = part;
    w->messages = std::span(messages).first(in_order);
    w->done = &done;
    waiting.push_back(w);
    wake.cancel();
    boost::system::error_code woken;
    co_await done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    part->quiet_since_ms = now_ms();
    if (!w->judged) co_return;
    for (const auto& m : w->messages) part->consumer->ack(m);
  }
  if (in_order < messages.size()) part->consumer.reset();
}

Task<> Evaluator::Impl::follow_part(std::shared_ptr<PartRun> part) {
  ++open_parts;
  while (!stopping && !part->ended) {
    std::string problem;
    try {
      // When nothing comes for long, the stream may have been made anew without consumers.
      const bool quiet = now_ms() - std::max(part->quiet_since_ms, part->begun_ms) > look_again_ms;
      if (!holds_leases())
        co_await sleep_ms(200);  // what is fetched now may be another one's already
      else if (!part->consumer)
        co_await begin_part(*part);
      else if (quiet)
        co_await look_for_consumer(*part);
      else
        co_await judge_next(part);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (problem.empty()) continue;
    log::error_throttled("readings are not fetched, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(500);
  }
  --open_parts;
}

/// What needs no rule is found by one evaluator for all devices: by who holds the first part.
Task<> Evaluator::Impl::look_at_standing() {
  if (!parts.contains(0) || steady_ms() < standing_due_ms) co_return;
  standing_due_ms = steady_ms() + standing_ms;
  const int transitions = co_await standing.look(pool);
  if (transitions > 0) alerts_changed(nats);
}

Task<> Evaluator::Impl::tick_on() {
  while (!stopping) {
    std::string problem, apart;
    try {
      co_await tick();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    try {
      co_await look_at_standing();
    } catch (const std::exception& e) {
      apart = e.what();
    }
    if (!problem.empty()) forget(problem);
    if (!apart.empty())
      log::error_throttled("silent devices are not looked for", {{"error", apart}}, 10);
    for (long slept = 0; slept < settings.tick_ms && !stopping; slept += 250)
      co_await sleep_ms(250);
  }
}

Evaluator::Evaluator(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
                     metrics::Registry& metrics, EvaluatorSettings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), pool, nats, metrics, settings)) {}
Evaluator::~Evaluator() = default;

bool Evaluator::running() const { return impl_->running; }

void Evaluator::stop() {
  impl_->stopping = true;
  impl_->wake.cancel();
}

Task<> Evaluator::run() {
  auto& self = *impl_;
  self.running = true;
  bool ready = false;
  while (!ready && !self.stopping) {
    std::string problem;
    try {
      co_await telemetry::ensure_readings_stream(self.nats, self.settings.replicas,
                                                 self.settings.stream_max_bytes);
      ready = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (ready) break;
    log::error_throttled("streams are not ready, trying again", {{"error", problem}});
    co_await sleep_ms(250);
  }
  co_await (self.renew_on() && self.balance_on() && self.process() && self.tick_on());
  try {
    co_await end_leases(self.pool, self.member);
  } catch (const std::exception& e) {
    log::warn("leases of the evaluator end by themselves", {{"error", e.what()}});
  }
  self.running = false;
}

}  // namespace pulse::alerting
