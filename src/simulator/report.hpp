#pragma once
// What a run counted: bounded in memory, however long it lasts.
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulator/simulate.hpp"

namespace pulse::simulator {

/// Latencies in microseconds, in buckets at most 1.6 % wide, from 1 µs to 1,000 s.
class Histogram {
 public:
  void add(std::int64_t us);
  /// The upper edge of the bucket that holds the quantile (0 to 1); 0 when empty.
  std::int64_t quantile(double q) const;
  std::int64_t max() const { return max_; }
  std::uint64_t count() const { return count_; }
  void clear() { *this = Histogram(); }

 private:
  static constexpr int sub_bits = 6;
  std::array<std::uint64_t, 30 * (1 << sub_bits)> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

struct Counts {
  std::uint64_t sent = 0;          ///< messages, first time
  std::uint64_t resent = 0;        ///< again, since the outcome was unknown or "later"
  std::uint64_t acknowledged = 0;  ///< 202 or PUBACK; well-formed ones
  std::uint64_t unconfirmed = 0;   ///< QoS 0: handed to the network
  std::uint64_t malformed_sent = 0, malformed_acknowledged = 0;
  std::uint64_t abandoned = 0;        ///< without an answer when the run ended
  std::uint64_t reconnects = 0;       ///< MQTT
  std::uint64_t desired_applied = 0;  ///< documents that were desired, and reported
  std::uint64_t commands_done = 0, commands_failed = 0;  ///< as acknowledged
  std::uint64_t updates_done = 0, updates_failed = 0;    ///< as reported
  std::map<std::string, std::uint64_t> refused;          ///< by reason, at most 100 of them

  void refuse(const std::string& reason, std::uint64_t n = 1);
  std::uint64_t refused_in_all() const;
};

struct Report {
  Counts counts;
  Histogram latency;  ///< from queued to acknowledged
  double seconds = 0;
  std::string text() const;
  std::string json() const;
};

/// Appends a line "tenant device seq protocol" for each acknowledged message. Lines have been
/// handed to the operating system when `add` returns, so a kill -9 of this process loses none.
class AckedLog {
 public:
  /// Throws std::runtime_error when the file can't be opened. An empty path makes no log.
  explicit AckedLog(const std::string& path);
  ~AckedLog();
  AckedLog(const AckedLog&) = delete;
  /// Throws std::runtime_error when the file can't be written.
  void add(const std::string& lines);
  bool on() const { return file_ >= 0; }

 private:
  int file_ = -1;
};

}  // namespace pulse::simulator
