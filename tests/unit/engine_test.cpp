#include "alerting/engine.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "platform/json/read.hpp"

namespace pulse::alerting {
namespace {

constexpr std::int64_t s = 1'000'000;
constexpr std::int64_t start = 1'800'000'000 * s;

Rule limit(double threshold, std::int64_t duration_s = 0) {
  Rule r;
  r.rule_id = "r1";
  r.name = "Hot";
  Condition c;
  c.metric = "temp_c";
  c.op = Operator::gt;
  c.threshold = threshold;
  c.duration_s = duration_s;
  r.conditions.push_back(c);
  return r;
}

/// One device under some rules; each call answers what was decided by it: "+" opens or repeats,
/// "-" clears.
struct Bench {
  explicit Bench(std::vector<Rule> rules, std::vector<MetricMapping> mappings = {},
                 std::vector<SensorTarget> sensors = {})
      : engine("t", std::move(rules), std::move(mappings), std::move(sensors), {}) {
    RuledDevice d;
    d.device_id = "d";
    d.site_id = "berlin";
    d.device_type = "probe";
    d.created_us = start;
    engine.put_device(d);
  }
  std::string say(std::int64_t at_s, const std::string& metrics) {
    return text([&](Decisions& out) {
      engine.judge("d", start + at_s * s, json::parse_text(metrics).get_object(), start + at_s * s,
                   out);
    });
  }
  std::string temp(std::int64_t at_s, double v) {
    return say(at_s, "{\"temp_c\":" + std::to_string(v) + "}");
  }
  std::string settle(std::int64_t at_s) {
    return text([&](Decisions& out) {
      engine.settle([](const std::string&) { return true; }, start + at_s * s, out);
    });
  }
  std::string tick(std::int64_t at_s) {
    return text([&](Decisions& out) { engine.tick(start + at_s * s, out); });
  }
  template <class F>
  std::string text(F f) {
    last = {};
    f(last);
    std::string out;
    for (const auto& d : last.list) out += d.opens ? '+' : '-';
    return out;
  }
  TenantEngine engine;
  Decisions last;
};

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

TEST(Metrics, AreNormalized) {
  auto rule = limit(30);
  rule.conditions[0].metric = "temperature";
  MetricMapping m;
  m.raw = "temp_f";
  m.normalized = "temperature";
  m.multiplier = 5.0 / 9;
  m.offset = -160.0 / 9;
  Bench b({rule}, {m});
  EXPECT_EQ(b.say(0, R"({"temp_f":86})"), "");
  EXPECT_EQ(b.say(1, R"({"temp_f":88})"), "+");
}

TEST(Metrics, TextsAreIgnoredAndBooleansAreZeroAndOne) {
  auto rule = limit(0);
  Bench b({rule});
  EXPECT_EQ(b.say(0, R"({"temp_c":"99"})"), "");
  EXPECT_EQ(b.say(1, R"({"temp_c":true})"), "+");
}

TEST(Scope, LeavesOthersAlone) {
  auto elsewhere = limit(30), here = limit(30), of_type = limit(30), grouped = limit(30);
  elsewhere.scope.site_ids = {"paris"};
  here.rule_id = "here";
  here.scope.site_ids = {"paris", "berlin"};
  of_type.rule_id = "type";
  of_type.scope.device_type = "gateway";
  grouped.rule_id = "group";
  grouped.scope.group_ids = {"g1"};
  Bench b({elsewhere, here, of_type, grouped});
  EXPECT_EQ(b.temp(0, 31), "+");
  EXPECT_EQ(b.last.list[0].finding.rule_id, "here");
  RuledDevice d;
  d.device_id = "d";
  d.site_id = "paris";
  d.group_ids = {"g1"};
  b.engine.put_device(d);
  EXPECT_EQ(b.temp(10, 50), "+++");
}

TEST(Scope, OfASensorTypeLooksAtTheDevicesOwnSensors) {
  auto rule = limit(30);
  rule.conditions[0].metric = "";
  rule.scope.sensor_type = "temperature";
  SensorTarget own, others;
  own.sensor_id = 1;
  own.device_id = "d";
  own.metric = "ch1";
  own.sensor_type = "temperature";
  others = own;
  others.sensor_id = 2;
  others.device_id = "e";
  others.metric = "ch2";
  Bench b({rule}, {}, {own, others});
  EXPECT_EQ(b.say(0, R"({"ch1":20, "ch2":99})"), "") << "ch2 is no temperature of this device";
  EXPECT_EQ(b.say(1, R"({"ch1":31})"), "+");
}

TEST(Scope, OfASensorNamesTheMetric) {
  auto rule = limit(30);
  rule.conditions[0].metric = "";
  rule.scope.sensor_id = 7;
  SensorTarget t;
  t.sensor_id = 7;
  t.device_id = "d";
  t.metric = "probe_2";
  Bench b({rule}, {}, {t});
  EXPECT_EQ(b.say(0, R"({"probe_1":99})"), "");
  EXPECT_EQ(b.say(1, R"({"probe_2":99})"), "+");
}

Rule window_rule(Aggregation aggregation, double threshold) {
  auto r = limit(threshold);
  r.type = RuleType::window;
  r.aggregation = aggregation;
  r.window_s = 60;
  return r;
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

Rule gap_rule() {
  auto r = limit(0);
  r.type = RuleType::telemetry_gap;
  r.gap_s = 600;
  r.created_us = start + 100 * s;
  return r;
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

TEST(Gap, GoesByWhenValuesCameNotByTheirClock) {
  Bench b({gap_rule()});
  const auto late = json::parse_text(R"({"temp_c":1})");
  b.text([&](Decisions& out) {
    b.engine.judge("d", start - 900 * s, late.get_object(), start + 200 * s, out);
  });
  EXPECT_EQ(b.tick(800), "") << "its clock is behind, but it is heard";
  EXPECT_EQ(b.tick(801), "+");
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
