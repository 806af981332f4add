#pragma once
// Time: one clock, one text form. Instants are UTC everywhere inside.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse {

/// An instant (UTC, microseconds as PostgreSQL keeps them). On the wire: ISO 8601 with offset,
/// e.g. "2026-11-24T10:11:12.123456+00:00".
struct Time {
  std::chrono::system_clock::time_point at{};
  friend auto operator<=>(const Time&, const Time&) = default;
};

Time now();
/// Milliseconds since the epoch (wall clock).
std::int64_t now_ms();
std::int64_t to_ms(Time t);
std::int64_t to_us(Time t);
Time from_ms(std::int64_t epoch_ms);
Time from_us(std::int64_t epoch_us);
/// Milliseconds of a clock that never steps; for durations and deadlines only.
std::int64_t steady_ms();
std::int64_t steady_us();

/// ISO 8601 with microseconds and "+00:00".
std::string iso8601(Time t);
/// Parses ISO 8601 dates and date-times (T or space, optional fraction, Z or +hh[:mm] or none).
/// Naive means UTC. Nothing when it is not one, or out of the years 1970 to 9999.
std::optional<Time> parse_iso8601(std::string_view text);

}  // namespace pulse
