#include "alerting/alert_outbox.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::alerting {

namespace {

constexpr std::int64_t outbox_lock = 0x70756c736540;
constexpr const char* wake_subject = "pulse.alerts.outbox";
constexpr int at_once = 500;
constexpr long look_ms = 1'000;  // for what no word was heard of
constexpr long keep_told_s = 600;

pg::Scope worker_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

}  // namespace

Task<> ensure_alert_stream(nats::Client& nats, int replicas, std::int64_t max_bytes) {
  nats::StreamConfig config;
  config.name = "ALERTS";
  config.subjects.emplace_back("alerts.>");
  config.max_bytes = max_bytes;
  config.max_age_s = 3 * 24 * 3600;
  config.replicas = replicas;
  co_await nats.ensure_stream(config);
}

void alerts_changed(nats::Client& nats) { nats.publish(wake_subject, ""); }

AlertOutbox::AlertOutbox(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
                         metrics::Registry& metrics)
    : pool_(pool),
      nats_(nats),
      metrics_(metrics),
      wake_(executor),
      purge_(nats, "ALERTS", "notifier", keep_told_s) {
  subscription_ = nats.subscribe(wake_subject, "", executor, [this](nats::Message) {
    woken_ = true;
    wake_.cancel();
  });
}
AlertOutbox::~AlertOutbox() = default;

void AlertOutbox::stop() {
  stopping_ = true;
  wake_.cancel();
}

Task<> AlertOutbox::wait() {
  if (!woken_ && !stopping_) {
    wake_.expires_after(std::chrono::milliseconds(look_ms));
    boost::system::error_code cancelled;
    co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
  woken_ = false;
}

/// Returns how many were published. One publisher at a time: two would change the order.
Task<int> AlertOutbox::publish_some() {
  auto tx = co_await pool_.begin(worker_scope());
  const auto mine =
      co_await tx.query("SELECT pg_try_advisory_xact_lock($1)", pg::Params::of(outbox_lock));
  if (!mine.boolean(0, 0)) co_return 0;
  const auto rows = co_await tx.query(
      "SELECT event_id, tenant_id, message::text FROM alert_outbox ORDER BY event_id LIMIT $1",
      pg::Params::of(at_once));
  std::vector<std::int64_t> published;
  for (int i = 0; i < rows.rows(); ++i) {
    const auto tenant = std::string(rows.text(i, 1)), message = std::string(rows.text(i, 2));
    std::string id = "alert-event-" + std::string(rows.text(i, 0));
    const auto result =
        co_await nats_.publish_acked("alerts." + tenant, message, std::move(id), 2'000);
    if (!result.ok()) {
      log::error_throttled("alert events are not published, trying again",
                           {{"error", result.error}, {"waiting", rows.rows() - i}}, 10);
      break;
    }
    nats_.publish("live." + tenant, "{\"type\":\"alert\",\"event\":" + message + "}");
    published.push_back(rows.int64(i, 0));
  }
  if (!published.empty())
    co_await tx.query("DELETE FROM alert_outbox WHERE event_id = ANY ($1)",
                      pg::Params::of(published));
  co_await tx.commit();
  if (!published.empty())
    metrics_.count("pulse_alert_events_total", "Transitions of alerts that were published", {},
                   static_cast<double>(published.size()));
  co_return static_cast<int>(published.size());
}

Task<> AlertOutbox::run() {
  while (!stopping_) {
    std::string problem;
    int published = 0;
    try {
      published = co_await publish_some();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("alert outbox failed, trying again", {{"error", problem}}, 10);
      co_await sleep_ms(500);
    }
    co_await purge_.run_when_due();
    if (published < at_once) co_await wait();
  }
}

}  // namespace pulse::alerting
