#include "gateway/app.hpp"

#include <csignal>
#include <iostream>
#include <thread>

#include "alerting/alert_outbox.hpp"
#include "fleet/commands.hpp"
#include "fleet/device_side.hpp"
#include "fleet/twin.hpp"
#include "gateway/alerting_loops.hpp"
#include "gateway/background_jobs.hpp"
#include "gateway/delivery_loop.hpp"
#include "gateway/gateway_loop.hpp"
#include "gateway/health_api.hpp"
#include "gateway/settings.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "telemetry/ingest_store.hpp"
#include "telemetry/report_worker.hpp"

namespace pulse::gateway {

namespace {

/// Streams exist before the first publish, whichever role comes up first.
Task<> prepare_streams(Process& p) {
  while (!p.stopping && !p.streams_ready) {
    std::string problem;
    try {
      const auto settings = ingest_settings(p.config);
      co_await telemetry::ensure_streams(p.nats, settings);
      co_await alerting::ensure_alert_stream(p.nats, settings.replicas,
                                             settings.stream_max_bytes / 8);
      p.streams_ready = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (p.streams_ready) co_return;
    log::error_throttled("streams are not ready, trying again", {{"error", problem}});
    co_await sleep_ms(100);
  }
}

/// Settings that people change while Pulse runs. What the environment says goes before them.
Task<> follow_settings(Process& p) {
  const bool fixed = p.config.given("RATE_LIMIT_RPS") || p.config.given("RATE_LIMIT_BURST");
  while (!p.stopping) {
    std::string problem;
    try {
      Rate rate{0, 0};
      for (const auto& [key, value] : co_await telemetry::read_settings(*p.pool)) {
        if (key == "RATE_LIMIT_RPS") rate.per_second = std::atof(value.c_str());
        if (key == "RATE_LIMIT_BURST") rate.burst = std::atof(value.c_str());
      }
      if (!fixed && rate.per_second > 0 && rate.burst >= 1) p.devices->set_device_rate(rate);
    } catch (const pg::Error& e) {
      problem = e.what();
    }
    if (!problem.empty()) log::error_throttled("settings not read", {{"error", problem}}, 60);
    co_await sleep_ms(5'000);
  }
}

/// Tokens that ended early: NATS tells at once, this what NATS lost.
Task<> follow_revocations(Process& p) {
  while (!p.stopping) {
    std::string problem;
    try {
      co_await p.revocations->refresh(*p.pool);
    } catch (const pg::Error& e) {
      problem = e.what();
    }
    if (!problem.empty()) log::error_throttled("ended sessions not read", {{"error", problem}}, 60);
    co_await sleep_ms(5'000);
  }
}

Task<> follow_gauges(Process& p) {
  while (!p.stopping) {
    std::string problem;
    try {
      co_await refresh_fleet_gauges(p);
    } catch (const pg::Error& e) {
      problem = e.what();
    }
    if (!problem.empty()) log::error_throttled("fleet gauges not read", {{"error", problem}}, 60);
    for (int i = 0; i < 30 && !p.stopping; ++i) co_await sleep_ms(1'000);
  }
}

/// Looks, on a thread of its own, until every migration is applied.
void watch_migrations(Process& p) {
  while (!p.stopping && !p.migrated) {
    try {
      p.migrated =
          pg::pending_migrations(conninfo(p.config), p.config.text("PULSE_MIGRATIONS_DIR")).empty();
    } catch (const std::exception& e) {
      log::error_throttled("migrations can't be checked", {{"error", e.what()}}, 10);
    }
    if (!p.migrated) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

telemetry::ReportStream shadow_stream() { return {"SHADOW", "ingest-shadow"}; }
telemetry::ReportStream command_stream() { return {"COMMANDS", "ingest-commands"}; }

/// The ingest role on a loop of its own.
struct IngestLoop {
  explicit IngestLoop(Process& p)
      : loop("ingest"),
        pool(loop.io().get_executor(), pool_options(p.config, "pulse-ingest")),
        worker(loop.io().get_executor(), pool, p.nats, ingest_settings(p.config)),
        shadows(loop.io().get_executor(), pool, p.nats, p.metrics, shadow_stream(),
                fleet::shadow_reports(p.nats), ingest_settings(p.config)),
        commands(loop.io().get_executor(), pool, p.nats, p.metrics, command_stream(),
                 fleet::command_reports(p.nats), ingest_settings(p.config)) {
    p.ingest = &worker.stats();
    loop.spawn("ingest", worker.run());
    loop.spawn("shadow reports", shadows.run());
    loop.spawn("command reports", commands.run());
    loop.start();
  }
  /// A batch under way is finished; what is not acknowledged is delivered again later.
  void stop() {
    loop.post([this] {
      worker.stop();
      shadows.stop();
      commands.stop();
    });
    const auto busy = [this] {
      return worker.running() || shadows.running() || commands.running();
    };
    for (int i = 0; i < 1'000 && busy(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    loop.stop();
  }
  Loop loop;
  pg::Pool pool;
  telemetry::IngestWorker worker;
  telemetry::ReportWorker shadows, commands;
};

int gateway_threads(const Config& config) {
  const long asked = config.integer("PULSE_THREADS");
  if (asked > 0) return static_cast<int>(asked);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

/// One second at most for what is only written with delay.
Task<> flush_logs(Process& p) {
  try {
    co_await p.audit->flush();
    co_await p.connections->flush();
  } catch (const pg::Error& e) {
    log::error("audit or connection events not written at stop", {{"error", e.what()}});
  }
}

}  // namespace

int serve(const Config& config, const std::string& version) {
  log::configure(config.text("LOG_LEVEL"), "pulse");
  // Signals are taken by this thread alone; the others inherit the mask.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Process p(config);
  p.version = version;
  register_gauges(p);
  std::vector<std::unique_ptr<GatewayLoop>> loops;
  for (int i = 0; i < gateway_threads(config); ++i)
    loops.push_back(std::make_unique<GatewayLoop>(p, i));
  std::jthread migrations([&p] { watch_migrations(p); });
  std::unique_ptr<IngestLoop> ingest;
  std::unique_ptr<EvaluatorLoop> evaluator;
  std::unique_ptr<NotifierLoop> notifier;
  std::unique_ptr<DeliveryLoop> delivery;
  // Before what they work with goes.
  const auto stop_workers = [&] {
    if (ingest) ingest->stop();
    if (evaluator) evaluator->stop();
    if (notifier) notifier->stop();
    if (delivery) delivery->stop();
  };
  try {
    p.base.spawn("streams", prepare_streams(p));
    p.base.spawn("settings", follow_settings(p));
    p.base.spawn("ended sessions", follow_revocations(p));
    if (p.identity.maintain) p.base.spawn("signing keys", p.identity.maintain(*p.pool));
    if (p.roles.ops) {
      start_background_jobs(p);
      p.base.spawn("gauges", follow_gauges(p));
    }
    p.base.start();
    for (auto& loop : loops) loop->start();
    if (p.roles.ingest) ingest = std::make_unique<IngestLoop>(p);
    if (p.roles.evaluator) evaluator = std::make_unique<EvaluatorLoop>(p);
    if (p.roles.notifier) notifier = std::make_unique<NotifierLoop>(p);
    if (p.roles.delivery) delivery = std::make_unique<DeliveryLoop>(p);
  } catch (...) {
    p.stopping = true;
    for (auto& loop : loops) loop->halt();
    p.mailer->stop(0);
    stop_workers();
    p.nats.drain(0);
    p.base.stop();
    p.stop_outbound();
    throw;
  }
  log::info("pulse serves", {{"version", version},
                             {"roles", config.text("PULSE_ROLES")},
                             {"host", config.text("PULSE_HOST")},
                             {"port", config.integer("PULSE_PORT")}});
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("stopping", {{"signal", signal}});
  p.stopping = true;
  for (auto& loop : loops) loop->stop();
  p.mailer->stop(5'000);
  stop_workers();
  run_and_wait(p.base, flush_logs(p));
  p.nats.drain(2'000);
  p.base.stop();
  // Now that no job goes on with it: what the stop cuts short is no failure of the other side.
  p.stop_outbound();
  migrations.join();
  log::info("stopped");
  return 0;
}

int print_openapi(const Config& config, const std::string& version) {
  log::configure("error", "pulse");
  Process p(config);
  p.version = version;
  std::cout << json::to_text(describe_api(p)) << '\n';
  return 0;
}

}  // namespace pulse::gateway
