#include "telemetry/processed_purge.hpp"

#include <algorithm>

#include "platform/clock.hpp"
#include "platform/log.hpp"

namespace pulse::telemetry {

Task<> ProcessedPurge::run_when_due() {
  const auto interval = std::clamp<std::int64_t>(keep_s_ * 1000 / 10, 1'000, 60'000);
  if (steady_ms() < due_ms_) co_return;
  due_ms_ = steady_ms() + interval;
  std::string problem;
  try {
    const auto floor = co_await nats_.acked_up_to(stream_, durable_);
    processed_.push_back({steady_ms(), floor});
    std::uint64_t done = 0;
    while (!processed_.empty() && processed_.front().at_ms <= steady_ms() - keep_s_ * 1000) {
      done = processed_.front().up_to;
      processed_.pop_front();
    }
    if (done > 0) co_await nats_.purge_below(stream_, done + 1);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("processed messages not purged, trying again later",
                         {{"stream", stream_}, {"error", problem}}, 60);
}

}  // namespace pulse::telemetry
