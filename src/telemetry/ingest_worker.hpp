#pragma once
// The `ingest` role: JetStream -> judge -> PostgreSQL, effectively once -> live fan-out.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "fleet/registry_cache.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "telemetry/ingest_judge.hpp"

namespace pulse::telemetry {

struct IngestSettings {
  std::size_t batch_size = 500;                          ///< messages of a batch without a backlog
  std::size_t batch_most = limits::ingest_worker_batch;  ///< and with one
  long flush_interval_ms =
      1'000;            ///< a batch that took longer than this makes the next one smaller
  JudgeSettings judge;  ///< before app_settings are read
  long ack_wait_ms = 60'000;
  long keep_processed_s = 600;
  long stale_seconds = 30;
  int replicas = 1;
  std::int64_t stream_max_bytes = 8LL << 30;
};

/// How many messages to take next. A batch grows while a backlog waits behind it, for a large
/// transaction stores more a second; it shrinks when it took longer than the flush interval, since
/// nothing is seen before its end, and when the backlog is gone. How full a batch was tells
/// neither: one that follows a larger bound brings what was asked for by the smaller.
class BatchBound {
 public:
  BatchBound(std::size_t least, std::size_t most, long flush_interval_ms)
      : least_(std::min(least, most)),
        most_(most),
        flush_us_(flush_interval_ms * 1'000),
        now_(least_) {}
  std::size_t next() const { return now_; }
  /// `backlog`: messages that were still in the stream when the batch's last one was sent.
  void took(std::uint64_t backlog, std::int64_t duration_us) {
    if (duration_us > flush_us_ || backlog < now_ / 4)
      now_ = std::max(now_ / 2, least_);
    else if (backlog >= now_ && duration_us <= flush_us_ / 2)
      now_ = std::min(now_ * 2, most_);
  }

 private:
  std::size_t least_, most_;
  std::int64_t flush_us_;
  std::size_t now_;
};

/// Counters, read by /metrics from any thread.
struct IngestStats {
  std::atomic<std::uint64_t> stored{0}, refused{0}, duplicates{0}, dead_letters{0}, batches{0},
      retries{0}, readings_given_up{0}, routed{0}, routed_buried{0}, routes_left_out{0};
  /// Values that break their template, by fleet::MetricProblem.
  std::array<std::atomic<std::uint64_t>, 5> template_faults{};
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
