#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace pulse::mqtt {

/// A count written by one thread and read by any.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) { value_.store(get() - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What an Endpoint has done since it was made. Gauges are marked; all else only grows.
struct Stats {
  Counter connections;         ///< gauge: open now, in any state
  Counter sessions;            ///< gauge: past CONNACK
  Counter subscriptions;       ///< gauge
  Counter inflight_messages;   ///< gauge: with the publish hook
  Counter inflight_bytes;      ///< gauge
  Counter paused;              ///< gauge: connections not read because of back-pressure
  Counter accepted;            ///< connections taken, all transports
  Counter refused_over_limit;  ///< closed for connections_max
  Counter connects_refused;    ///< CONNACK other than success
  Counter connect_timeouts;
  Counter tls_failures;
  Counter takeovers;  ///< sessions ended because the client came again
  Counter keep_alive_timeouts;
  Counter protocol_errors;  ///< sessions ended for malformed packets and protocol errors
  Counter write_stalls;
  std::array<Counter, 3> messages_in;   ///< PUBLISH received, by QoS
  std::array<Counter, 3> messages_out;  ///< PUBLISH sent, by QoS
  Counter publishes_acknowledged;       ///< PUBACK and PUBREC of success sent
  Counter publishes_rejected;           ///< refused for good by the hook
  Counter publishes_unavailable;        ///< not acknowledged because the hook could not take them
  Counter duplicates;                   ///< repeated packet identifiers answered without the hook
  Counter deliveries_acknowledged;      ///< PUBACK and PUBCOMP received
  Counter deliveries_dropped;           ///< outbound messages over a bound or lost with a session
  Counter bytes_in;
  Counter bytes_out;
  /// Failures told to clients in any packet, by reason code.
  std::array<Counter, 256> failures_by_reason;
  Counter pauses;  ///< times that back-pressure stopped a reader
};

}  // namespace pulse::mqtt
