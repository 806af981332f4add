// Rules over a restart, and what was held back.
#include <gtest/gtest.h>

#include "engine_fixture.hpp"

namespace pulse::alerting {
namespace {

using namespace engine_tests;

TEST(Duration, IsCountedOnAfterARestart) {
  Bench b({limit(30, 60)});
  b.temp(0, 31);
  const auto state = b.last.states.at({"r1", "d"});
  Bench again({limit(30, 60)});
  again.engine.restore_state("d", "r1", state);
  EXPECT_EQ(again.temp(61, 31), "+");
  EXPECT_EQ(again.temp(62, 10), "-");
  EXPECT_EQ(again.last.states.at({"r1", "d"}), "") << "nothing is left to remember";
}

TEST(Duration, IsNotBrokenByWhatComesLateAfterARestart) {
  Bench b({limit(30, 60)});
  b.temp(10, 31);
  b.temp(40, 31);
  const auto state = b.last.states.at({"r1", "d"});
  Bench again({limit(30, 60)});
  again.engine.restore_latest("d", "temp_c", 31, start + 50 * s);
  again.engine.restore_state("d", "r1", state);
  EXPECT_EQ(again.temp(20, 5), "") << "before what is known to have been judged";
  EXPECT_EQ(again.temp(40, 5), "") << "the same one again";
  EXPECT_EQ(again.temp(50, 31), "") << "its message was on its way";
  EXPECT_EQ(again.temp(70, 31), "+");
  Bench broken({limit(30, 60)});
  broken.engine.restore_latest("d", "temp_c", 5, start + 50 * s);
  broken.engine.restore_state("d", "r1", state);
  EXPECT_EQ(broken.temp(50, 5), "");
  EXPECT_EQ(broken.temp(70, 31), "") << "one that was not judged yet does break it";
}

TEST(Duration, OfAStateOfAnOlderFormBeginsAnew) {
  Bench b({limit(30, 60)});
  b.engine.restore_state("d", "r1", R"({"holds":[[1800000000000000,true]],"clear_since":0})");
  EXPECT_EQ(b.temp(61, 31), "");
  EXPECT_EQ(b.temp(121, 31), "+");
}

TEST(Clock, IsThatOfTheNewestMessageAfterARestart) {
  Bench b({limit(30, 60)});
  b.engine.restore_latest("d", "temp_c", 31, start + 30 * s, 900 * s);
  b.engine.restore_clock("d", start + 30 * s, 0);
  b.settle(31);
  b.temp(40, 31);
  EXPECT_EQ(b.tick(89), "");
  EXPECT_EQ(b.tick(90), "+");
}

TEST(Gap, ThatAPersonClosedIsNotOpenedAgainByARestart) {
  Bench b({gap_rule()});
  b.engine.restore_latest("d", "temp_c", 5, start + 600 * s);
  b.engine.restore_told("d", "r1", start + 1201 * s, start + 1201 * s);
  EXPECT_EQ(b.tick(1300), "");
  EXPECT_EQ(b.temp(1400, 5), "-");
  EXPECT_EQ(b.tick(2001), "+") << "another silence";
  Bench heard({gap_rule()});
  heard.engine.restore_latest("d", "temp_c", 5, start + 1400 * s);
  heard.engine.restore_told("d", "r1", start + 1201 * s, start + 1201 * s);
  EXPECT_EQ(heard.tick(2001), "+") << "it spoke in between";
  Bench never({gap_rule()});
  never.engine.restore_told("d", "r1", start + 701 * s, start + 701 * s);
  EXPECT_EQ(never.tick(900), "");
}

TEST(Duration, ThatAPersonClosedIsNotOpenedAgainByARestart) {
  Bench b({limit(30, 60)});
  b.temp(0, 31);
  b.temp(30, 31);
  const auto state = b.last.states.at({"r1", "d"});
  const auto restarted = [&](std::int64_t latest_s) {
    Bench again({limit(30, 60)});
    again.engine.restore_latest("d", "temp_c", 31, start + latest_s * s);
    again.engine.restore_state("d", "r1", state);
    again.engine.restore_told("d", "r1", start + 30 * s, start + 61 * s);
    again.settle(latest_s + 1);
    return again.tick(90);
  };
  EXPECT_EQ(restarted(30), "");
  EXPECT_EQ(restarted(50), "+") << "a sample that it did not know of";
}

TEST(Gap, KnowsWhatCameBeforeARestart) {
  Bench b({gap_rule()});
  b.engine.restore_latest("d", "temp_c", 5, start + 600 * s);
  EXPECT_EQ(b.tick(1200), "");
  EXPECT_EQ(b.tick(1201), "+");
}

TEST(Restored, ValuesAreJudgedOnlyWhenNoMessageBringsThem) {
  Bench b({limit(30)});
  b.engine.restore_latest("d", "temp_c", 31, start + 5 * s);
  EXPECT_EQ(b.tick(10), "") << "its message may still be on its way";
  EXPECT_EQ(b.temp(4, 40), "+") << "so may one before it";
  EXPECT_EQ(b.temp(5, 31), "");
  Bench alone({limit(30)});
  alone.engine.restore_latest("d", "temp_c", 31, start + 5 * s);
  EXPECT_EQ(alone.tick(1'000), "");
  EXPECT_EQ(alone.settle(15), "+");
  EXPECT_EQ(alone.settle(16), "") << "once";
}

TEST(Restored, ASampleIsNoProofOfItself) {
  Bench b({limit(30, 60)});
  b.engine.restore_latest("d", "temp_c", 31, start);
  b.settle(1);
  b.text([&](Decisions& out) {
    b.engine.judge("d", start + 456, json::parse_text(R"({"temp_c":31})").get_object(),
                   start + 2 * s, out);
  });
  EXPECT_EQ(b.tick(100), "") << "the same sample, with its microseconds";
}

TEST(Restored, AnOutlierIsLeftOutOfWhatWasRestoredWithIt) {
  auto rule = limit(0);
  rule.type = RuleType::anomaly;
  rule.window_s = 3600;
  rule.min_samples = 10;
  rule.z_threshold = 4;
  Bench b({rule});
  Moments all;
  for (int i = 0; i < 10; ++i) all.add(20 + i % 2);
  all.add(1000);
  b.engine.restore_moments("d", "temp_c", 3600 * s, start, all);
  b.engine.restore_latest("d", "temp_c", 1000, start + 10 * s);
  EXPECT_EQ(b.temp(10, 1000), "+");
}

TEST(Restored, AnOpenAlertIsNotClosedByWhatIsOlder) {
  Bench b({limit(30)});
  b.engine.restore_latest("d", "temp_c", 31, start + 10 * s);
  b.engine.restore_open("d", "r1", start + 8 * s);
  EXPECT_EQ(b.temp(5, 20), "") << "late: the alert knows of a newer sample";
  EXPECT_EQ(b.temp(9, 20), "-") << "on its way";
}

TEST(Restored, AnOpenAlertIsNotOpenedAgainButCleared) {
  Bench b({limit(30)});
  b.engine.restore_open("d", "r1");
  EXPECT_EQ(b.temp(0, 20), "-");
}

TEST(HeldBack, IsTriedAgainLater) {
  Bench b({limit(30)});
  EXPECT_EQ(b.temp(0, 31), "+");
  b.engine.held_back("d", "r1", start);
  EXPECT_EQ(b.temp(5, 31), "");
  EXPECT_EQ(b.temp(10, 31), "+");
}

TEST(HeldBack, IsTriedAgainWithoutAMessage) {
  Bench b({limit(30)});
  b.temp(0, 31);
  b.engine.held_back("d", "r1", start);
  EXPECT_EQ(b.tick(9), "");
  EXPECT_EQ(b.tick(10), "+");
}

TEST(HeldBack, EndsWithTheBreach) {
  Bench b({limit(30)});
  b.temp(0, 31);
  b.engine.held_back("d", "r1", start);
  EXPECT_EQ(b.temp(1, 20), "");
  EXPECT_EQ(b.temp(2, 31), "+") << "another episode";
  b.temp(3, 20);
  b.engine.held_back("d", "r1", start + 3 * s);
  EXPECT_EQ(b.temp(4, 31), "+") << "what was held back was over";
}

}  // namespace
}  // namespace pulse::alerting
