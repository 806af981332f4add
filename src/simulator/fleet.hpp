#pragma once
// The simulated devices: who they are, and what each says next.
#include <cstdint>
#include <istream>
#include <set>
#include <string>
#include <vector>

#include "simulator/profile.hpp"
#include "simulator/simulate.hpp"

namespace pulse::simulator {

struct Device {
  std::string tenant_id, device_id, site_id, token;
  const Profile* profile = nullptr;
  State state;
  Rng values;                     ///< for the profile
  Rng luck;                       ///< for faults, apart, so that faults do not change the values
  std::int64_t seq = 0;           ///< of the next message
  std::int64_t skew_ms = 0;       ///< how wrong the device's clock is
  std::int64_t silent_until = 0;  ///< steady ms
  int burst_left = 0;
  bool by_mqtt = false;
};

/// A message on its way.
struct Outgoing {
  std::uint32_t device = 0;
  std::int64_t seq = 0;
  std::string payload;         ///< a JSON object, unless malformed
  std::int64_t queued_us = 0;  ///< steady
  bool malformed = false;
};

class Fleet {
 public:
  /// Reads JSON lines {tenant_id, device_id, site_id, token, profile?, template?}; without profile
  /// the template's slug picks it, without either "humidity-temperature". Throws std::runtime_error
  /// that names the line.
  static std::vector<Device> read(std::istream& lines);
  /// Those of `profile` (empty: of all), of them the first `most` (0: all). Throws
  /// std::runtime_error when there are none, or fewer than `most`.
  static std::vector<Device> pick(std::vector<Device> devices, std::string_view profile,
                                  std::size_t most);

  /// Sequence numbers start at `start_ms`, the epoch milliseconds now: a second run repeats none.
  Fleet(std::vector<Device> devices, const Options& options, std::int64_t start_ms);

  std::vector<Device>& devices() { return devices_; }
  const Device& device(std::uint32_t index) const { return devices_[index]; }

  /// Whether the device has nothing to say just now (fault `dropouts`).
  bool silent(std::uint32_t index, std::int64_t steady_ms);
  /// The device's next message. With fault `bursts`, `burst_left` tells how many follow at once.
  Outgoing next(std::uint32_t index, std::int64_t now_ms);

 private:
  void spoil(Device& device, Outgoing& message, std::int64_t now_ms);

  std::vector<Device> devices_;
  std::set<Fault> faults_;
  bool batches_;
  Sample sample_;
};

/// A telemetry payload: {"version":"1","ts":...,"site_id":...,"seq":...,"metrics":{...}}.
std::string payload_text(const Sample& sample, const std::string& site_id, std::int64_t seq,
                         std::int64_t ts_ms);

}  // namespace pulse::simulator
