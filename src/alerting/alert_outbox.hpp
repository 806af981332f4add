#pragma once
// The way of alert events from PostgreSQL to JetStream: written with the transition, published
// afterwards, at least once and in the order of each alert.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "telemetry/processed_purge.hpp"

namespace pulse::alerting {

/// Creates the stream ALERTS or brings it up to date. Idempotent; throws nats::Error.
Task<> ensure_alert_stream(nats::Client& nats, int replicas, std::int64_t max_bytes);

/// Says that the outbox has something: after the commit of what wrote it. A lost word costs a
/// second.
void alerts_changed(nats::Client& nats);

/// Publishes what the outbox holds. Lives on one loop; any number of processes may run one.
class AlertOutbox {
 public:
  AlertOutbox(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
              metrics::Registry& metrics);
  ~AlertOutbox();
  /// Until `stop`.
  Task<> run();
  void stop();

 private:
  Task<int> publish_some();
  Task<> wait();
  pg::Pool& pool_;
  nats::Client& nats_;
  metrics::Registry& metrics_;
  boost::asio::steady_timer wake_;
  telemetry::ProcessedPurge purge_;  ///< what the notifier has dealt with makes room
  bool woken_ = false, stopping_ = false;
  std::unique_ptr<nats::Subscription> subscription_;
};

}  // namespace pulse::alerting
