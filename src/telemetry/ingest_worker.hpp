#pragma once
// The `ingest` role: JetStream -> judge -> PostgreSQL, effectively once -> live fan-out.
#include <atomic>
#include <memory>
#include <string>

#include "fleet/registry_cache.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "telemetry/envelope.hpp"

namespace pulse::telemetry {

struct IngestSettings {
  std::size_t batch_size = limits::ingest_worker_batch;
  long flush_interval_ms = 1'000;
  long ack_wait_ms = 60'000;
  long keep_processed_s = 600;
  long stale_seconds = 30;
  int replicas = 1;
  std::int64_t stream_max_bytes = 8LL << 30;
};

/// Counters, read by /metrics from any thread.
struct IngestStats {
  std::atomic<std::uint64_t> stored{0}, refused{0}, duplicates{0}, dead_letters{0}, batches{0},
      retries{0};
  std::atomic<std::int64_t> last_batch_us{0}, last_batch_size{0}, lag_ms{0};
};

/// Streams and consumers of telemetry, created or brought up to date. Idempotent.
Task<> ensure_streams(nats::Client& nats, const IngestSettings& settings);

/// Lives on one loop. `run` pulls until `stop`; a batch under way is finished.
class IngestWorker {
 public:
  IngestWorker(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
               IngestSettings settings);
  ~IngestWorker();
  Task<> run();
  /// Ends `run` after the current batch.
  void stop();
  bool running() const;
  const IngestStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pulse::telemetry
