#include "alerting/icalendar.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace {

using namespace pulse::alerting;

TEST(ICalendar, EscapesText) {
  EXPECT_EQ(calendar_text("a,b;c\\d\ne\r"), "a\\,b\\;c\\\\d\\ne");
  EXPECT_EQ(calendar_text(std::string("x\0y", 3)), "xy");
}

TEST(ICalendar, FoldsAt75Octets) {
  const std::string line(75, 'x');
  EXPECT_EQ(calendar_line(line), line + "\r\n");
  EXPECT_EQ(calendar_line(line + "y"), line + "\r\n y\r\n");
}

RC_GTEST_PROP(ICalendar, FoldedLinesAreWholeAndShort, ()) {
  const auto characters = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "ü", "李", "😀", " "));
  std::string line;
  for (const auto& c : characters) line += c;
  const auto folded = calendar_line(line);
  std::string whole;
  std::size_t at = 0;
  while (at < folded.size()) {
    const auto end = folded.find("\r\n", at);
    const auto part = folded.substr(at, end - at);
    RC_ASSERT(part.size() <= 75u);
    // A piece of a character would be no valid UTF-8, and be counted by its bytes.
    whole += at == 0 ? part : part.substr(1);
    RC_ASSERT((static_cast<unsigned char>(at == 0 || part.size() < 2 ? 'a' : part[1]) & 0xc0) !=
              0x80);
    at = end + 2;
  }
  RC_ASSERT(whole == line);
}

TEST(ICalendar, SaysTimesInUtc) {
  CalendarEvent event;
  event.uid = "1@pulse";
  event.summary = "On call";
  event.start = *pulse::parse_iso8601("2026-03-29T00:30:00Z");
  event.end = *pulse::parse_iso8601("2026-03-29T09:00:00+02:00");
  const auto text = calendar("Ops", {event}, event.start);
  EXPECT_NE(text.find("\r\nDTSTART:20260329T003000Z\r\nDTEND:20260329T070000Z\r\n"),
            std::string::npos);
}

}  // namespace
