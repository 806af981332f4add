#include "platform/clock.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "platform/ids.hpp"

namespace pulse {

TEST(Clock, ReadsTheFormsDevicesSend) {
  const auto ms = [](std::string_view text) {
    const auto t = parse_iso8601(text);
    return t ? to_ms(*t) : -1;
  };
  EXPECT_EQ(ms("1970-01-02"), 86'400'000);
  EXPECT_EQ(ms("1970-01-01T00:00:01Z"), 1000);
  EXPECT_EQ(ms("1970-01-01 00:00:01"), 1000) << "naive means UTC";
  EXPECT_EQ(ms("1970-01-01T01:00:01+01:00"), 1000);
  EXPECT_EQ(ms("1970-01-01T01:00:01+0100"), 1000);
  EXPECT_EQ(ms("1970-01-01T01:00:01+01"), 1000);
  EXPECT_EQ(ms("1970-01-01T00:00:01.5Z"), 1500);
  EXPECT_EQ(ms("1970-01-01T00:01Z"), 60'000);
  EXPECT_EQ(to_us(*parse_iso8601("1970-01-01T00:00:00.1234567Z")), 123456);
}

TEST(Clock, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01T00:61:00Z",
        "2026-01-01T00:00:00.Z", "1969-12-31", "2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00ZZ",
        "2026-1-1", "20260101", "2026-01-01X00:00:00Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
}

TEST(Clock, LooksAtTheInstantAndNotAtTheYearInTheText) {
  EXPECT_EQ(to_us(*parse_iso8601("9999-12-31T23:59:59Z")), 253'402'300'799'000'000);
  EXPECT_EQ(to_us(*parse_iso8601("2263-01-01T00:00:00Z")), 9'246'182'400'000'000);
  for (const char* text : {"1970-01-01T00:00:00+05:00", "1969-12-31T23:59:59Z",
                           "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
  EXPECT_EQ(to_us(*parse_iso8601("1969-12-31T19:00:00-05:00")), 0);
}

TEST(Clock, ReadsWhatADatabaseMayHold) {
  EXPECT_EQ(to_us(*parse_any_iso8601("1969-12-31 23:59:59.5+00")), -500'000);
  EXPECT_EQ(to_us(*parse_any_iso8601("1816-03-30 05:56:07+00")), -4'852'116'233'000'000);
  EXPECT_FALSE(parse_any_iso8601("0000-12-31 00:00:00+00"));
}

TEST(Clock, WritesNothingThatCantBeRead) {
  EXPECT_EQ(iso8601(from_us(INT64_MAX)), "9999-12-31T23:59:59.999999+00:00");
  EXPECT_EQ(iso8601(from_us(INT64_MIN)), "0001-01-01T00:00:00.000000+00:00");
  EXPECT_EQ(iso8601(from_us(-1)), "1969-12-31T23:59:59.999999+00:00");
}

RC_GTEST_PROP(Clock, EveryInstantComesBack, ()) {
  const auto us = *rc::gen::inRange<std::int64_t>(0, 253'402'300'799'999'999);
  const auto t = from_us(us);
  const auto back = parse_iso8601(iso8601(t));
  RC_ASSERT(back.has_value());
  RC_ASSERT(to_us(*back) == us);
}

TEST(Ids, AreVersion7AndOrderedByTime) {
  const auto a = uuid7();
  EXPECT_EQ(a.size(), 36u);
  EXPECT_EQ(a[14], '7');
  EXPECT_NE(std::string("89ab").find(a[19]), std::string::npos);
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(uuid7());
  EXPECT_EQ(seen.size(), 10'000u);
  const auto start = now_ms();
  while (now_ms() == start) {
  }
  EXPECT_LT(a, uuid7());
}

TEST(Ids, ShortIdsHaveTheirPrefixAndLength) {
  const auto id = short_id("grp-", 8);
  EXPECT_EQ(id.size(), 12u);
  EXPECT_TRUE(id.starts_with("grp-"));
}

}  // namespace pulse
