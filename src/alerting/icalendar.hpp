#pragma once
// Calendars as programs subscribe to them (RFC 5545).
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock.hpp"

namespace pulse::alerting {

struct CalendarEvent {
  std::string uid, summary, description;
  std::string url;  ///< where to read more; may be empty
  Time start, end;
};

/// TEXT of RFC 5545, 3.3.11.
std::string calendar_text(std::string_view plain);
/// A content line folded after 75 octets at most, no character split (3.1); with its line break.
std::string calendar_line(std::string_view line);
/// The whole object; `made_at` is each event's DTSTAMP.
std::string calendar(const std::string& name, const std::vector<CalendarEvent>& events,
                     Time made_at);

}  // namespace pulse::alerting
