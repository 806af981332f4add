#pragma once
// The `evaluator` role: rules at work on readings. What a message decides is decided as it comes
// from READINGS; what time decides, at a tick. The devices are spread over parts, and each part is
// judged by one evaluator at a time, by a lease of seconds: any number of processes share the work.
#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "alerting/engine.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

struct EvaluatorSettings {
  EngineSettings engine;
  long tick_ms = 2'000;
  int replicas = 1;
  std::int64_t stream_max_bytes = 1LL << 30;
};

/// Lives on one loop.
class Evaluator {
 public:
  Evaluator(boost::asio::any_io_executor executor, pg::Pool& pool, nats::Client& nats,
            metrics::Registry& metrics, EvaluatorSettings settings);
  ~Evaluator();
  /// Until `stop`; what is under way is finished, and the leases are given back.
  Task<> run();
  void stop();
  bool running() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pulse::alerting
