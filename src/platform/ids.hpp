#pragma once
// Identifiers: time-ordered, so that indexes on them grow at one end.
#include <string>
#include <string_view>

namespace pulse {

/// A UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits. Thread-safe.
std::string uuid7();
/// `prefix` and `hex_digits` random lower-case hex digits, e.g. short_id("grp-", 8).
std::string short_id(std::string_view prefix, int hex_digits);

}  // namespace pulse
