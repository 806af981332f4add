#pragma once
#include <cstdint>
#include <deque>
#include <string>

#include "platform/nats/client.hpp"

namespace pulse::telemetry {

/// Removes from a stream what its consumer has acknowledged, a while later: until then the server
/// can tell a device's retry from a new message, even across its own restart. What is not
/// acknowledged is never touched.
class ProcessedPurge {
 public:
  ProcessedPurge(nats::Client& nats, std::string stream, std::string durable, long keep_s)
      : nats_(nats), stream_(std::move(stream)), durable_(std::move(durable)), keep_s_(keep_s) {}
  /// Does its work when it is time; what fails is logged and tried again later.
  Task<> run_when_due();

 private:
  struct Processed {
    std::int64_t at_ms;
    std::uint64_t up_to;
  };
  nats::Client& nats_;
  std::string stream_, durable_;
  long keep_s_;
  std::deque<Processed> processed_;  // one entry per interval
  std::int64_t due_ms_ = 0;
};

}  // namespace pulse::telemetry
