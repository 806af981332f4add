#include "alerting/icalendar.hpp"

#include <algorithm>

namespace pulse::alerting {

namespace {

constexpr std::size_t line_octets = 75;

/// 20260131T120000Z, from "2026-01-31T12:00:00.000000+00:00".
std::string utc(Time t) {
  auto text = iso8601(t).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string calendar_text(std::string_view plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '\\' || c == ';' || c == ',') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') {
      out += c;  // other control characters are not allowed
    }
  }
  return out;
}

std::string calendar_line(std::string_view line) {
  std::string out;
  // The blank that begins each further line counts.
  for (std::size_t room = line_octets; line.size() > room; room = line_octets - 1) {
    std::size_t cut = room;
    while (cut > 1 && continues_character(line[cut])) --cut;
    out += line.substr(0, cut);
    out += "\r\n ";
    line.remove_prefix(cut);
  }
  out += line;
  return out + "\r\n";
}

std::string calendar(const std::string& name, const std::vector<CalendarEvent>& events,
                     Time made_at) {
  std::string out;
  const auto add = [&](const std::string& line) { out += calendar_line(line); };
  add("BEGIN:VCALENDAR");
  add("VERSION:2.0");
  add("PRODID:-//Pulse//On-call//EN");
  add("CALSCALE:GREGORIAN");
  add("METHOD:PUBLISH");
  add("NAME:" + calendar_text(name));
  add("X-WR-CALNAME:" + calendar_text(name));
  add("REFRESH-INTERVAL;VALUE=DURATION:PT1H");
  for (const auto& e : events) {
    add("BEGIN:VEVENT");
    add("UID:" + calendar_text(e.uid));
    add("DTSTAMP:" + utc(made_at));
    add("DTSTART:" + utc(e.start));
    add("DTEND:" + utc(e.end));
    add("SUMMARY:" + calendar_text(e.summary));
    if (!e.description.empty()) add("DESCRIPTION:" + calendar_text(e.description));
    if (!e.url.empty()) add("URL:" + e.url);
    add("END:VEVENT");
  }
  add("END:VCALENDAR");
  return out;
}

}  // namespace pulse::alerting
