#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "engine_fixture.hpp"

namespace pulse::alerting {
namespace {

using namespace engine_tests;

TEST(Threshold, OpensAndClearsAtTheFirstSampleThatSaysSo) {
  Bench b({limit(30)});
  EXPECT_EQ(b.temp(0, 20), "");
  EXPECT_EQ(b.temp(1, 31), "+");
  EXPECT_EQ(b.last.list[0].finding.summary, "Hot: temp_c is 31 (> 30)");
  EXPECT_EQ(b.last.list[0].finding.fingerprint, "RULE:r1:d");
  EXPECT_EQ(b.temp(2, 30), "-");
  EXPECT_EQ(b.temp(3, 29), "");
}

TEST(Threshold, RepeatsAreWrittenNoMoreOftenThanTheyAreNews) {
  Bench b({limit(30)});
  EXPECT_EQ(b.temp(0, 31), "+");
  EXPECT_EQ(b.temp(2, 32), "");
  EXPECT_EQ(b.temp(6, 33), "+") << "a changed value, after 5 s";
  EXPECT_EQ(b.last.list[0].finding.repeats, 2);
  EXPECT_EQ(b.temp(20, 33), "") << "an unchanged one waits a minute";
  EXPECT_EQ(b.temp(67, 33), "+");
  EXPECT_EQ(b.last.list[0].finding.repeats, 2);
}

TEST(Threshold, ALateSampleDecidesNothing) {
  Bench b({limit(30)});
  EXPECT_EQ(b.temp(10, 20), "");
  EXPECT_EQ(b.temp(5, 99), "");
  EXPECT_EQ(b.temp(10, 99), "") << "nor does the same moment again";
}

TEST(Duration, NeedsTwoInstantsOfProof) {
  Bench b({limit(30, 60)});
  EXPECT_EQ(b.temp(0, 31), "");
  EXPECT_EQ(b.tick(100), "") << "one lone sample is no proof";
  EXPECT_EQ(b.temp(120, 31), "+");
}

TEST(Duration, FiresAtATickOnceTwoSamplesHeldAndNoneFailed) {
  Bench b({limit(30, 60)});
  b.temp(0, 31);
  b.temp(30, 32);
  EXPECT_EQ(b.tick(59), "");
  EXPECT_EQ(b.tick(60), "+");
}

TEST(Duration, StartsAnewAfterASampleThatFails) {
  Bench b({limit(30, 60)});
  b.temp(0, 31);
  b.temp(50, 29);
  EXPECT_EQ(b.temp(61, 31), "");
  EXPECT_EQ(b.temp(120, 31), "");
  EXPECT_EQ(b.temp(121, 31), "+");
}

TEST(Duration, IsNotBrokenByWhatComesLate) {
  Bench b({limit(30, 60)});
  b.temp(10, 31);
  b.temp(40, 31);
  EXPECT_EQ(b.temp(20, 5), "") << "late, and it failed";
  EXPECT_EQ(b.temp(5, 99), "") << "late, and it held";
  EXPECT_EQ(b.tick(69), "");
  EXPECT_EQ(b.tick(70), "+");
  EXPECT_EQ(b.last.list[0].finding.event_us, start + 40 * s) << "what the newest sample says";
}

TEST(Clock, OfADeviceIsNotMovedByWhatComesLate) {
  Bench b({limit(30, 60)});
  b.temp(0, 31);
  b.temp(30, 31);
  const auto old = json::parse_text(R"({"temp_c":31})");
  b.text([&](Decisions& out) {
    b.engine.judge("d", start - 900 * s, old.get_object(), start + 40 * s, out);
  });
  EXPECT_EQ(b.tick(60), "+") << "no quarter of an hour behind";
}

TEST(Clock, OfADeviceNeverGoesBackwards) {
  Bench b({window_rule(Aggregation::avg, 30)});
  b.temp(0, 40);
  EXPECT_EQ(b.temp(10, 40), "+");
  b.temp(50, 29);
  b.temp(55, 29);
  EXPECT_EQ(b.tick(71), "-") << "the hot ones are out";
  // Its messages come 30 s late from now on: they bring the hot ones back into no window.
  const auto mild = json::parse_text(R"({"temp_c":29})");
  const auto late = b.text([&](Decisions& out) {
    b.engine.judge("d", start + 56 * s, mild.get_object(), start + 86 * s, out);
  });
  EXPECT_EQ(late, "");
  EXPECT_EQ(b.tick(87), "");
}

TEST(Hysteresis, KeepsAnAlertOpenBetweenTheTwoThresholds) {
  auto rule = limit(30);
  rule.clear_threshold = 28;
  Bench b({rule});
  EXPECT_EQ(b.temp(0, 29), "") << "below the threshold nothing opens";
  EXPECT_EQ(b.temp(1, 31), "+");
  EXPECT_EQ(b.temp(2, 29), "");
  EXPECT_EQ(b.temp(3, 28), "-");
}

TEST(Hysteresis, WaitsBeforeItClears) {
  auto rule = limit(30);
  rule.clear_after_s = 60;
  Bench b({rule});
  b.temp(0, 31);
  EXPECT_EQ(b.temp(1, 20), "");
  EXPECT_EQ(b.temp(30, 31), "");
  EXPECT_EQ(b.temp(31, 20), "");
  EXPECT_EQ(b.tick(90), "");
  EXPECT_EQ(b.tick(91), "-");
}

TEST(Hysteresis, BetweenTheThresholdsAnAlertIsRepeatedAndNoneIsOpened) {
  auto rule = limit(30);
  rule.clear_threshold = 28;
  Bench b({rule});
  EXPECT_EQ(b.temp(0, 31), "+");
  EXPECT_TRUE(b.last.list[0].finding.may_open);
  EXPECT_EQ(b.temp(6, 29), "+");
  EXPECT_FALSE(b.last.list[0].finding.may_open);
  b.engine.held_back("d", "r1", start + 6 * s);  // a person had closed it
  EXPECT_EQ(b.temp(20, 29.5), "") << "broken no more, only not well yet";
  EXPECT_EQ(b.tick(30), "");
  EXPECT_EQ(b.temp(40, 31), "+");
  EXPECT_TRUE(b.last.list[0].finding.may_open);
}

TEST(Hysteresis, OfAWindowOpensNothingEither) {
  auto rule = window_rule(Aggregation::avg, 30);
  rule.clear_threshold = 28;
  Bench b({rule});
  b.temp(0, 32);
  EXPECT_EQ(b.temp(1, 32), "+");
  EXPECT_EQ(b.temp(10, 22), "+") << "28.7 in the mean";
  EXPECT_FALSE(b.last.list[0].finding.may_open);
}

TEST(Conditions, AllAndAnyOverMetricsThatComeInMessagesOfTheirOwn) {
  auto rule = limit(30);
  Condition humid;
  humid.metric = "humidity";
  humid.op = Operator::gte;
  humid.threshold = 80;
  rule.conditions.push_back(humid);
  Bench all({rule});
  EXPECT_EQ(all.say(0, R"({"temp_c":31})"), "");
  EXPECT_EQ(all.say(1, R"({"humidity":80})"), "+");
  EXPECT_EQ(all.say(2, R"({"temp_c":30})"), "-");
  rule.any = true;
  Bench any({rule});
  EXPECT_EQ(any.say(0, R"({"humidity":80})"), "+");
  EXPECT_EQ(any.last.list[0].finding.summary, "Hot: humidity is 80 (>= 80)");
  EXPECT_EQ(any.say(1, R"({"temp_c":35, "humidity":10})"), "") << "the other one holds now";
  EXPECT_EQ(any.say(2, R"({"temp_c":3})"), "-");
}

TEST(Window, NeedsTwoSamplesAndForgetsOldOnes) {
  Bench b({window_rule(Aggregation::avg, 30)});
  EXPECT_EQ(b.temp(0, 99), "") << "one sample is no window";
  EXPECT_EQ(b.temp(10, 99), "+");
  EXPECT_EQ(b.temp(65, 0), "+") << "99 and 0: the average changed, and is told";
  EXPECT_EQ(b.temp(66, 0), "") << "the first is out: 99, 0, 0 is 33";
  EXPECT_EQ(b.tick(71), "-");
}

TEST(Window, CountsLateSamplesByTheirTimeAndNoneTwice) {
  Bench b({window_rule(Aggregation::count, 3)});
  b.temp(0, 1);
  b.temp(20, 1);
  EXPECT_EQ(b.temp(20, 1), "");
  EXPECT_EQ(b.temp(30, 1), "");
  EXPECT_EQ(b.temp(10, 1), "+") << "late, and the fourth";
}

TEST(Window, LooksAtTheNewestSamplesWhereThereAreTooMany) {
  SampleTrack track(3600 * s);
  for (int i = 0; i < 20'500; ++i) track.add(i * s / 10, i);
  EXPECT_EQ(track.size(), 20'000u);
  EXPECT_EQ(track.over(Aggregation::count, 2050 * s, 3600 * s), 20'000);
  EXPECT_EQ(track.over(Aggregation::min, 2050 * s, 3600 * s), 500);
}

RC_GTEST_PROP(Window, IsWhatAPlainLoopSays, ()) {
  const auto samples = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 300), rc::gen::inRange(-50, 50)));
  const auto end = *rc::gen::inRange(0, 300);
  SampleTrack track(120 * s);
  std::map<int, int> plain;
  int newest = 0;
  for (const auto& [at, value] : samples) {
    newest = std::max(newest, at);
    track.add(at * s, value);
    plain.try_emplace(at, value);
  }
  double sum = 0;
  int count = 0;
  for (const auto& [at, value] : plain)
    if (at > end - 60 && at <= end && at > newest - 120) {
      sum += value;
      ++count;
    }
  // A sample that came after its time was over is not kept: then there is nothing to compare.
  RC_PRE(end - 60 >= newest - 120);
  const auto got = track.over(Aggregation::sum, end * s, 60 * s);
  RC_ASSERT(got.has_value() == (count >= 2));
  if (got) RC_ASSERT(std::abs(*got - sum) < 1e-9);
}

TEST(Anomaly, LooksAtTheOthersOnly) {
  auto rule = limit(0);
  rule.type = RuleType::anomaly;
  rule.window_s = 3600;
  rule.min_samples = 10;
  Bench b({rule});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(b.temp(i * 60, 20 + i % 2), "");
  EXPECT_EQ(b.temp(600, 30), "+");
  EXPECT_EQ(b.temp(660, 20.5), "-");
}

TEST(Anomaly, WithoutSpreadNeedsAMinimalChange) {
  auto rule = limit(0);
  rule.type = RuleType::anomaly;
  rule.window_s = 3600;
  rule.min_samples = 3;
  Bench without({rule});
  rule.min_change = 2;
  Bench with({rule});
  for (int i = 0; i < 5; ++i) {
    without.temp(i * 60, 20);
    with.temp(i * 60, 20);
  }
  EXPECT_EQ(without.temp(600, 50), "");
  EXPECT_EQ(with.temp(600, 21), "");
  Bench fresh({rule});
  for (int i = 0; i < 5; ++i) fresh.temp(i * 60, 20);
  EXPECT_EQ(fresh.temp(600, 22), "+");
}

TEST(Numbers, BeyondReasonAreIgnored) {
  Bench b({limit(30)});
  EXPECT_EQ(b.say(0, R"({"temp_c":1e308})"), "");
  EXPECT_EQ(b.temp(1, 31), "+");
}

TEST(Gap, CountsFromTheRuleWhereNothingEverCame) {
  Bench b({gap_rule()});
  EXPECT_EQ(b.tick(700), "");
  EXPECT_EQ(b.tick(701), "+");
  EXPECT_EQ(b.last.list[0].finding.alert_type, "NO_TELEMETRY");
  EXPECT_EQ(b.tick(800), "") << "it is told once";
  EXPECT_EQ(b.temp(801, 1), "-");
  EXPECT_EQ(b.tick(1401), "");
  EXPECT_EQ(b.tick(1402), "+");
}

TEST(Gap, TakesATextForAReport) {
  Bench b({gap_rule()});
  EXPECT_EQ(b.tick(701), "+");
  EXPECT_EQ(b.say(702, R"({"temp_c":"open"})"), "-");
  EXPECT_EQ(b.tick(1302), "");
  EXPECT_EQ(b.tick(1303), "+");
  Bench again({gap_rule()});
  again.engine.restore_report("d", "temp_c", start + 702 * s);
  EXPECT_EQ(again.tick(1302), "");
  EXPECT_EQ(again.tick(1303), "+");
}

TEST(Gap, CountsReportsOfAnyKind) {
  auto rule = gap_rule();
  rule.created_us = start;
  rule.gap_s = 7200;
  rule.min_expected_per_hour = 3;
  Bench b({rule});
  b.say(3700, R"({"temp_c":"open"})");
  b.say(3800, R"({"temp_c":1})");
  EXPECT_EQ(b.tick(3900), "+");
  EXPECT_EQ(b.last.list[0].finding.summary, "Hot: only 2 values of temp_c in the last hour");
  EXPECT_EQ(b.say(4000, R"({"temp_c":"shut"})"), "-");
  Bench again({rule});
  again.engine.restore_reports("d", "temp_c", start + 3720 * s, 3);
  EXPECT_EQ(again.tick(4000), "");
}

TEST(Gap, GoesByWhenValuesCameNotByTheirClock) {
  Bench b({gap_rule()});
  const auto late = json::parse_text(R"({"temp_c":1})");
  b.text([&](Decisions& out) {
    b.engine.judge("d", start - 900 * s, late.get_object(), start + 200 * s, out);
  });
  EXPECT_EQ(b.tick(800), "") << "its clock is behind, but it is heard";
  EXPECT_EQ(b.tick(801), "+");
}

TEST(StoredConditions, AreReadInEveryShape) {
  const auto flat_list = conditions_of(
      json::parse_text(
          R"([{"metric_name":"a","operator":">=","threshold":1,"duration_minutes":2}])"),
      std::nullopt, 30);
  ASSERT_EQ(flat_list.list.size(), 1u);
  EXPECT_EQ(flat_list.list[0].duration_s, 120);
  const auto older = conditions_of(
      json::parse_text(
          R"({"combinator":"OR","conditions":[{"metric_name":"a","operator":"LT","threshold":1}]})"),
      std::nullopt, 30);
  EXPECT_EQ(older.any, true);
  EXPECT_EQ(older.list[0].duration_s, 30);
  Condition flat;
  flat.metric = "b";
  EXPECT_EQ(conditions_of(json::parse_text("{}"), flat, 0).list[0].metric, "b");
  EXPECT_THROW(
      conditions_of(json::parse_text(R"([{"metric_name":"a","operator":"~","threshold":1}])"),
                    std::nullopt, 0),
      std::invalid_argument);
}

}  // namespace
}  // namespace pulse::alerting
