#include "alerting/evaluator.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "alerting/alert_outbox.hpp"
#include "alerting/evaluator_store.hpp"
#include "alerting/standing.hpp"
#include "fleet/registry_cache.hpp"
#include "platform/clock.hpp"
#include "platform/ids.hpp"
#include "platform/json/read.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/turns.hpp"
#include "telemetry/readings.hpp"

namespace pulse::alerting {

using namespace boost::asio::experimental::awaitable_operators;

namespace {

constexpr long lease_period_ms = 1'000;
constexpr std::int64_t lease_ms = 4'500;  // a little less than PostgreSQL holds it
constexpr std::int64_t groups_ms = 15'000;
constexpr std::int64_t standing_ms = 5'000;

/// What a tenant's rules and devices are here.
struct TenantRun {
  std::int64_t version = 0;
  std::unique_ptr<TenantEngine> engine;
  std::set<int> loaded;  ///< parts
  std::int64_t groups_due_ms = 0;
};

/// A part that this process holds, and its messages.
struct PartRun {
  PartLease lease;
  std::unique_ptr<nats::PullConsumer> consumer;
  bool ended = false;
};

/// A message that waits to be judged; `done` wakes its part.
struct Waiting {
  std::shared_ptr<PartRun> part;
  const nats::Delivered* message = nullptr;
  boost::asio::steady_timer* done = nullptr;
  bool judged = false;
};

}  // namespace

struct Evaluator::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n, metrics::Registry& m,
       EvaluatorSettings s)
      : executor(std::move(e)), pool(p), nats(n), metrics(m), settings(s), wake(executor) {
    rules_word = nats.subscribe(telemetry::rules_changed_subject, "", executor,
                                [this](nats::Message) { versions_due_ms = 0; });
    device_word = nats.subscribe(fleet::invalidate_subject, "", executor,
                                 [this](nats::Message m) { device_changed(m.data); });
  }

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  nats::Client& nats;
  metrics::Registry& metrics;
  EvaluatorSettings settings;
  const std::string member = uuid7();
  std::map<int, std::shared_ptr<PartRun>> parts;
  std::int64_t leases_end_ms = 0;  // steady
  std::map<std::string, TenantRun> tenants;
  std::map<std::string, std::set<std::string>> changed_devices;  // by tenant
  std::int64_t versions_due_ms = 0;
  std::int64_t standing_due_ms = 0;
  StandingAlerts standing;
  std::vector<std::shared_ptr<Waiting>> waiting;
  boost::asio::steady_timer wake;
  Turns turns;
  bool stopping = false, start_over = false;
  std::atomic<bool> running{false};
  int open_parts = 0;
  std::unique_ptr<nats::Subscription> rules_word, device_word;

  void device_changed(const std::string& data);
  bool holds_leases() const { return steady_ms() < leases_end_ms; }
  DeviceFilter mine(const std::string& tenant) const;
  Task<> refresh_versions();
  Task<> ready(std::string tenant);
  Task<> refresh_devices();
  Task<> know(const std::map<std::string, std::set<std::string>>& devices);
  void forget(const std::string& why);
  void drop_part(int part);
  Task<> judge(std::vector<std::shared_ptr<Waiting>> batch);
  Task<> judge_until_done(std::vector<std::shared_ptr<Waiting>> batch);
  Task<bool> keep(std::vector<PartLease> of, std::map<std::string, Decisions> decisions);
  Task<> follow_part(std::shared_ptr<PartRun> part);
  Task<> follow_leases();
  Task<> process();
  Task<> tick_on();
  Task<> tick();
  Task<> look_at_standing();
};

void Evaluator::Impl::device_changed(const std::string& data) {
  const auto value = json::parse_text(data);
  const auto* o = value.if_object();
  if (!o || !o->contains("tenant_id") || !o->contains("device_id")) return;
  const std::string tenant(o->at("tenant_id").get_string());
  if (tenants.contains(tenant))
    changed_devices[tenant].insert(std::string(o->at("device_id").get_string()));
}

DeviceFilter Evaluator::Impl::mine(const std::string& tenant) const {
  std::set<int> held;
  for (const auto& [number, part] : parts) held.insert(number);
  return [tenant, held](std::string_view device) {
    return held.contains(telemetry::reading_part(tenant, device));
  };
}

/// After a failure nobody knows what was written: everything is read anew, by who has the next
/// turn.
void Evaluator::Impl::forget(const std::string& why) {
  log::error_throttled("evaluator starts over from what is stored", {{"error", why}}, 5);
  start_over = true;
}

/// Which tenants have rules, and whose changed since they were read.
Task<> Evaluator::Impl::refresh_versions() {
  if (start_over) {
    tenants.clear();
    changed_devices.clear();
    versions_due_ms = 0;
    start_over = false;
  }
  if (steady_ms() < versions_due_ms) co_return;
  versions_due_ms = steady_ms() + 1'000;
  const auto versions = co_await rule_versions(pool);
  std::erase_if(tenants, [&](const auto& entry) {
    const auto now = versions.find(entry.first);
    return now == versions.end() || now->second != entry.second.version;
  });
  for (const auto& [tenant, version] : versions) {
    if (tenants.contains(tenant)) continue;
    auto& run = tenants[tenant];
    run.version = version;
  }
}

/// The tenant's rules are read, and the devices of every part that is held.
Task<> Evaluator::Impl::ready(std::string tenant) {
  auto& run = tenants[tenant];
  if (!run.engine) {
    auto set = co_await load_rules(pool, tenant);
    run.engine =
        std::make_unique<TenantEngine>(tenant, std::move(set.rules), std::move(set.mappings),
                                       std::move(set.sensors), settings.engine, to_us(now()));
    run.loaded.clear();
    run.groups_due_ms = steady_ms() + groups_ms;
  }
  std::set<int> missing;
  for (const auto& [number, part] : parts)
    if (!run.loaded.contains(number)) missing.insert(number);
  const bool groups_due = steady_ms() >= run.groups_due_ms && !run.engine->group_ids().empty();
  if (missing.empty() && !groups_due) co_return;
  run.groups_due_ms = steady_ms() + groups_ms;
  const auto filter =
      groups_due ? mine(tenant) : DeviceFilter([tenant, missing](std::string_view d) {
        return missing.contains(telemetry::reading_part(tenant, d));
      });
  co_await load_devices(pool, tenant, *run.engine, filter, {});
  for (const auto& [number, part] : parts) run.loaded.insert(number);
}

/// Devices that changed are read anew.
Task<> Evaluator::Impl::refresh_devices() {
  auto changed = std::move(changed_devices);
  changed_devices.clear();
  for (const auto& [tenant, devices] : changed) {
    const auto run = tenants.find(tenant);
    if (run == tenants.end() || !run->second.engine) continue;
    co_await load_devices(pool, tenant, *run->second.engine, mine(tenant),
                          {devices.begin(), devices.end()});
  }
}

/// Devices that were not there when the others were read.
Task<> Evaluator::Impl::know(const std::map<std::string, std::set<std::string>>& devices) {
  for (const auto& [tenant, ids] : devices) {
    auto& engine = *tenants[tenant].engine;
    std::vector<std::string> unknown;
    for (const auto& id : ids)
      if (!engine.knows(id)) unknown.push_back(id);
    if (!unknown.empty())
      co_await load_devices(pool, tenant, engine, mine(tenant), std::move(unknown));
  }
}

void Evaluator::Impl::drop_part(int number) {
  const auto part = parts.find(number);
  if (part == parts.end()) return;
  part->second->ended = true;
  parts.erase(part);
  for (auto& [tenant, run] : tenants) {
    run.loaded.erase(number);
    if (run.engine)
      run.engine->drop_devices([&, id = tenant](const std::string& device) {
        return telemetry::reading_part(id, device) == number;
      });
  }
}

/// Writes what was decided; false when a part was lost meanwhile.
Task<bool> Evaluator::Impl::keep(std::vector<PartLease> of,
                                 std::map<std::string, Decisions> decisions) {
  std::erase_if(decisions, [](const auto& entry) {
    return entry.second.list.empty() && entry.second.states.empty();
  });
  if (decisions.empty()) co_return true;
  std::function<void(const Finding&)> held_back = [this](const Finding& f) {
    const auto run = tenants.find(f.tenant_id);
    if (run != tenants.end() && run->second.engine)
      run->second.engine->held_back(f.device_id, f.rule_id, to_us(now()));
  };
  const bool kept = co_await store_decisions(pool, std::move(of), decisions, held_back);
  if (!kept) co_return false;
  std::size_t opens = 0, clears = 0;
  for (const auto& [tenant, d] : decisions)
    for (const auto& one : d.list) ++(one.opens ? opens : clears);
  if (opens + clears > 0) alerts_changed(nats);
  metrics.count("pulse_alert_decisions_total", "What rules decided", {{"decision", "raise"}},
                static_cast<double>(opens));
  metrics.count("pulse_alert_decisions_total", "What rules decided", {{"decision", "clear"}},
                static_cast<double>(clears));
  co_return true;
}

Task<> Evaluator::Impl::judge(std::vector<std::shared_ptr<Waiting>> batch) {
  co_await refresh_versions();
  co_await refresh_devices();
  struct Row {
    std::string tenant, device;
    std::int64_t at_us = 0;
    boost::json::object metrics;
  };
  std::vector<Row> rows;
  std::map<std::string, std::set<std::string>> devices;
  std::vector<PartLease> leases;
  for (const auto& w : batch) {
    auto& lease = w->part->lease;
    const auto seq = static_cast<std::int64_t>(w->message->stream_sequence);
    if (seq <= lease.done_seq && w->message->stored_ms <= lease.done_ms) continue;
    auto next = lease;
    next.done_seq = seq;
    next.done_ms = w->message->stored_ms;
    leases.push_back(next);
    auto value = json::parse_text(w->message->data);
    for (auto& t : value.get_object().at("tenants").get_array()) {
      auto& of = t.get_object();
      const std::string tenant(of.at("tenant_id").get_string());
      if (!tenants.contains(tenant)) continue;  // its last rule is gone
      for (auto& r : of.at("rows").get_array()) {
        auto& o = r.get_object();
        const auto at = parse_iso8601(o.at("ts").get_string());
        if (!at) continue;  // beyond the years that people live in
        Row row;
        row.tenant = tenant;
        row.device = std::string(o.at("device_id").get_string());
        row.at_us = to_us(*at);
        row.metrics = std::move(o.at("metrics").get_object());
        devices[tenant].insert(row.device);
        rows.push_back(std::move(row));
      }
    }
  }
  for (const auto& [tenant, ids] : devices) co_await ready(tenant);
  co_await know(devices);
  std::map<std::string, Decisions> decisions;
  const auto now_us = to_us(now());
  for (const auto& row : rows)
    tenants[row.tenant].engine->judge(row.device, row.at_us, row.metrics, now_us,
                                      decisions[row.tenant]);
  const bool kept = co_await keep(leases, std::move(decisions));
  if (!kept) throw std::runtime_error("a part went to another evaluator");
  for (const auto& lease : leases)
    if (const auto part = parts.find(lease.part); part != parts.end()) part->second->lease = lease;
  metrics.count("pulse_readings_judged_total", "Messages that rules were asked about", {},
                static_cast<double>(rows.size()));
}

/// A message is given up only with its part: who gets that judges it anew.
Task<> Evaluator::Impl::judge_until_done(std::vector<std::shared_ptr<Waiting>> batch) {
  while (true) {
    std::erase_if(batch, [](const auto& w) { return w->part->ended; });
    if (batch.empty()) co_return;
    std::string problem;
    try {
      const auto turn = co_await turns.take();
      if (!holds_leases()) throw std::runtime_error("the leases are not renewed");
      co_await judge(batch);
    } catch (const std::exception& e) {
      problem = e.what();
      forget(problem);
    }
    if (problem.empty()) break;
    if (stopping) co_return;
    co_await sleep_ms(200);
  }
  for (const auto& w : batch) w->judged = true;
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

/// The messages of one part, one after the other: the stream gives the next after the last is
/// acknowledged, whoever holds the part then. So their order is kept, and a sequence says how far
/// it is.
Task<> Evaluator::Impl::follow_part(std::shared_ptr<PartRun> part) {
  ++open_parts;
  nats::ConsumerConfig config;
  config.stream = "READINGS";
  config.durable = "evaluator-" + std::to_string(part->lease.part);
  config.filter_subject = "readings." + std::to_string(part->lease.part);
  config.ack_wait_ms = 6'000;
  config.max_ack_pending = 1;
  config.max_request_bytes = 1024 * 1024;
  while (!stopping && !part->ended) {
    std::string problem;
    try {
      if (!part->consumer) {
        co_await nats.ensure_consumer(config);
        part->consumer = nats.pull(config, executor);
      }
      const auto messages = co_await part->consumer->fetch(1, 1'000);
      for (const auto& m : messages) {
        if (part->ended || stopping) break;
        boost::asio::steady_timer done(executor, boost::asio::steady_timer::time_point::max());
        const auto w = std::make_shared<Waiting>();
        w->part = part;
        w->message = &m;
        w->done = &done;
        waiting.push_back(w);
        wake.cancel();
        boost::system::error_code woken;
        co_await done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
        if (w->judged) part->consumer->ack(m);
      }
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (problem.empty()) continue;
    log::error_throttled("readings are not fetched, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(500);
  }
  if (part->consumer) part->consumer->drop_pending();
  --open_parts;
}

Task<> Evaluator::Impl::follow_leases() {
  while (!stopping) {
    std::string problem;
    try {
      const auto asked = steady_ms();
      std::vector<int> released;
      std::function<void(int)> release = [this](int part) { drop_part(part); };
      // Not while a batch is judged: what is released must not be written any more.
      const auto turn = co_await turns.take();
      const auto leases = co_await renew_leases(pool, member, release);
      leases_end_ms = asked + lease_ms;
      std::set<int> held;
      for (const auto& lease : leases) {
        held.insert(lease.part);
        const auto known = parts.find(lease.part);
        if (known != parts.end() && known->second->lease.epoch == lease.epoch) continue;
        drop_part(lease.part);
        auto part = std::make_shared<PartRun>();
        part->lease = lease;
        parts[lease.part] = part;
        boost::asio::co_spawn(executor, follow_part(part), boost::asio::detached);
      }
      std::vector<int> lost;
      for (const auto& [number, part] : parts)
        if (!held.contains(number)) lost.push_back(number);
      for (const auto number : lost) drop_part(number);
      metrics.set("pulse_evaluator_parts", "Parts of the devices that this process judges", {},
                  static_cast<double>(parts.size()));
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("leases are not renewed, trying again", {{"error", problem}}, 10);
    co_await sleep_ms(lease_period_ms);
  }
}

Task<> Evaluator::Impl::tick() {
  const auto turn = co_await turns.take();
  if (!holds_leases() || parts.empty()) co_return;
  const auto begun = steady_us();
  co_await refresh_versions();
  co_await refresh_devices();
  std::vector<std::string> names;
  for (const auto& [tenant, run] : tenants) names.push_back(tenant);
  for (const auto& tenant : names) co_await ready(tenant);
  std::map<std::string, Decisions> decisions;
  std::size_t devices = 0, rules = 0;
  const auto now_us = to_us(now());
  for (auto& [tenant, run] : tenants) {
    run.engine->tick(now_us, decisions[tenant]);
    devices += run.engine->devices();
    rules += run.engine->rules().size();
  }
  std::vector<PartLease> leases;
  for (const auto& [number, part] : parts) leases.push_back(part->lease);
  const bool kept = co_await keep(std::move(leases), std::move(decisions));
  if (!kept) throw std::runtime_error("a part went to another evaluator");
  metrics.set("pulse_evaluator_devices", "Devices that this process judges", {},
              static_cast<double>(devices));
  metrics.set("pulse_evaluator_rules", "Rules that this process judges by", {},
              static_cast<double>(rules));
  metrics.observe("pulse_evaluator_tick_seconds", "Duration of a tick of the evaluator", {},
                  static_cast<double>(steady_us() - begun) / 1e6);
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
    std::string problem;
    try {
      co_await tick();
      co_await look_at_standing();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty()) forget(problem);
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
  co_await (self.follow_leases() && self.process() && self.tick_on());
  try {
    co_await end_leases(self.pool, self.member);
  } catch (const std::exception& e) {
    log::warn("leases of the evaluator end by themselves", {{"error", e.what()}});
  }
  self.running = false;
}

}  // namespace pulse::alerting
