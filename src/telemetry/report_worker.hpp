#pragma once
// The `ingest` role's other half: what devices report about themselves, from JetStream to who keeps
// it (fleet/reports.hpp).
#include <memory>
#include <string>

#include "fleet/reports.hpp"
#include "platform/metrics/metrics.hpp"
#include "telemetry/ingest_worker.hpp"

namespace pulse::telemetry {

/// One stream and its consumer, made by ensure_streams.
struct ReportStream {
  std::string name, durable;
};

/// Lives on one loop. Pulls a stream's reports, checks who sent them as ingest does, and gives them
/// to their handlers, a batch in one transaction. Acknowledged after the commit only. What a
/// handler or a check refuses is quarantined with its reason; what PostgreSQL refuses, or what
/// fails at each of several deliveries, becomes a dead letter.
class ReportWorker {
 public:
  ReportWorker(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
               metrics::Registry& metrics, ReportStream stream, fleet::ReportHandlers handlers,
               IngestSettings settings);
  ~ReportWorker();
  Task<> run();
  /// Ends `run` after the current batch.
  void stop();
  bool running() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pulse::telemetry
