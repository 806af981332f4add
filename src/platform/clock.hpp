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
  /// Microseconds, so that every year PostgreSQL and ISO 8601 know has room: system_clock's
  /// nanoseconds end in 2262.
  std::chrono::sys_time<std::chrono::microseconds> at{};
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

/// ISO 8601 with microseconds and "+00:00"; what lies outside the years 1 to 9999, which that form
/// can't say, becomes their first or last instant.
std::string iso8601(Time t);
/// Parses ISO 8601 dates and date-times (T or space, optional fraction, Z or +hh[:mm] or none).
/// Naive means UTC. Nothing when it is not one, or when the instant lies outside the (UTC) years
/// 1970 to 9999: what people and devices say about when is never earlier.
std::optional<Time> parse_iso8601(std::string_view text);
/// The same for the years 1 to 9999: what a database may hold.
std::optional<Time> parse_any_iso8601(std::string_view text);

}  // namespace pulse
