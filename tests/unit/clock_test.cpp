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
  for (const char* text : {"", "now", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z",
                           "2026-01-01T00:61:00Z", "2026-01-01T00:00:00.Z", "1969-12-31",
                           "2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00ZZ", "2026-1-1",
                           "20260101", "2026-01-01X00:00:00Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
}

RC_GTEST_PROP(Clock, EveryInstantComesBack, ()) {
  const auto us = *rc::gen::inRange<std::int64_t>(0, 4'102'444'800'000'000);
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
