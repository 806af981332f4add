#include "alerting/alert_outbox.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/nats/publish_all.hpp"

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

/// Rows that may be published together: the events of an alert are in rounds one after the other,
/// so that one which fails is never overtaken by the next of its alert.
std::vector<std::vector<int>> rounds_of(const pg::Result& rows) {
  std::vector<std::vector<int>> rounds;
  std::map<std::string, std::size_t, std::less<>> next;  // by alert
  for (int i = 0; i < rows.rows(); ++i) {
    const auto at = next[std::string(rows.text(i, 3))]++;
    if (rounds.size() <= at) rounds.resize(at + 1);
    rounds[at].push_back(i);
  }
  return rounds;
}

}  // namespace

Task<> ensure_alert_stream(nats::Client& nats, int replicas, std::int64_t max_bytes) {
  nats::StreamConfig config;
  config.name = "ALERTS";
  config.subjects.emplace_back("alerts.>");
  config.max_bytes = max_bytes;
  // No age: an event goes when the notifier has dealt with it (`purge_`), not before. A full stream
  // refuses, and the outbox keeps.
  config.max_age_s = 0;
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
      "SELECT event_id, tenant_id, message::text, message -> 'alert' ->> 'alert_id' "
      "FROM alert_outbox ORDER BY event_id LIMIT $1",
      pg::Params::of(at_once));
  std::vector<std::int64_t> published;
  bool failed = false;
  const auto rounds = rounds_of(rows);
  for (const auto& round : rounds) {
    std::vector<nats::Outgoing> outgoing;
    for (const int i : round)
      outgoing.push_back({"alerts." + std::string(rows.text(i, 1)), std::string(rows.text(i, 2)),
                          "alert-event-" + std::string(rows.text(i, 0))});
    const auto results = co_await nats::publish_all(nats_, std::move(outgoing), 2'000);
    for (std::size_t at = 0; at < results.size(); ++at) {
      const int i = round[at];
      if (results[at].ok()) {
        nats_.publish("live." + std::string(rows.text(i, 1)),
                      "{\"type\":\"alert\",\"event\":" + std::string(rows.text(i, 2)) + "}");
        published.push_back(rows.int64(i, 0));
        continue;
      }
      failed = true;
      log::error_throttled("alert events are not published, trying again",
                           {{"error", results[at].error}, {"waiting", rows.rows()}}, 10);
    }
    if (failed) break;
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
