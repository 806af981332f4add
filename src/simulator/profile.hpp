#pragma once
// How the devices of each template behave over time.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "simulator/rng.hpp"

namespace pulse::simulator {

using Value = std::variant<double, std::int64_t, bool>;

/// One message's content. Keys are the profile's own literals.
struct Sample {
  std::vector<std::pair<std::string_view, Value>> metrics;
  std::optional<std::pair<double, double>> position;  ///< latitude, longitude
  void clear() {
    metrics.clear();
    position.reset();
  }
};

/// What a device remembers from one message to the next. Which members mean something is the
/// profile's.
struct State {
  std::int64_t started_ms = 0;
  std::int64_t last_ms = 0;
  double bias = 0;   ///< this device's constant difference from its kind
  double drift = 0;  ///< slow noise, an Ornstein-Uhlenbeck process with sigma 1
  double level = 0;  ///< what fills and empties: battery, tank, energy, memory, warmth
  double battery = 100;
  double latitude = 0, longitude = 0, heading = 0, speed = 0;
  std::int64_t count = 0;
  bool open = false;
  double open_for_s = 0;
};

/// A kind of device. `start` sets a new device's state; `sample` is a pure function of state, time
/// (epoch ms) and random numbers: the same seed and times give the same messages.
struct Profile {
  std::string_view slug;
  std::int64_t interval_ms;
  void (*start)(State&, Rng&);
  void (*sample)(State&, std::int64_t now_ms, double elapsed_s, Rng&, Sample&);
};

std::span<const Profile> profiles();
/// By template slug; nullptr when there is none.
const Profile* find_profile(std::string_view slug);

/// A device's next message: calls the profile with the time since the last one.
void next_sample(const Profile& profile, State& state, std::int64_t now_ms, Rng& rng, Sample& out);

}  // namespace pulse::simulator
