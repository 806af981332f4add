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

Rule window_rule(Aggregation aggregation, double threshold) {
  auto r = limit(threshold);
  r.type = RuleType::window;
  r.aggregation = aggregation;
  r.window_s = 60;
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

TEST(Clock, IsThatOfTheNewestMessageAfterARestart) {
  Bench b({limit(30, 60)});
  b.engine.restore_latest("d", "temp_c", 31, start + 30 * s, 900 * s);
  b.engine.restore_clock("d", start + 30 * s, 0);
  b.settle(31);
  b.temp(40, 31);
  EXPECT_EQ(b.tick(89), "");
  EXPECT_EQ(b.tick(90), "+");
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

TEST(Metrics, OfSeveralThatBecomeOneTheFirstByNameCounts) {
  auto rule = limit(30);
  rule.conditions[0].metric = "temperature";
  MetricMapping a, b;
  a.raw = "a_temp";
  b.raw = "b_temp";
  a.normalized = b.normalized = "temperature";
  Bench one({rule}, {b, a});
  EXPECT_EQ(one.say(0, R"({"b_temp":99, "a_temp":20})"), "");
  EXPECT_EQ(one.say(1, R"({"b_temp":20, "a_temp":99})"), "+");
  Bench alone({rule}, {b, a});
  EXPECT_EQ(alone.say(0, R"({"b_temp":99})"), "+") << "each alone is one";
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

TEST(Scope, OfASensorTypeKeepsWhatEachSensorHolds) {
  auto rule = limit(30, 60);
  rule.conditions[0].metric = "";
  rule.scope.sensor_type = "temperature";
  SensorTarget one, two;
  one.sensor_id = 1;
  one.device_id = "d";
  one.metric = "ch1";
  one.sensor_type = "temperature";
  two = one;
  two.sensor_id = 2;
  two.metric = "ch2";
  Bench b({rule}, {}, {one, two});
  b.say(0, R"({"ch1":40, "ch2":20})");
  b.say(40, R"({"ch1":20, "ch2":40})");
  EXPECT_EQ(b.say(70, R"({"ch1":20, "ch2":40})"), "") << "neither held for a minute";
  const auto state = b.last.states.empty() ? "" : b.last.states.at({"r1", "d"});
  EXPECT_EQ(b.say(100, R"({"ch1":20, "ch2":41})"), "+");
  EXPECT_EQ(b.last.list[0].finding.summary, "Hot: ch2 is 41 (> 30)");
  Bench again({rule}, {}, {one, two});
  again.engine.restore_state("d", "r1", state);
  EXPECT_EQ(again.say(90, R"({"ch1":40})"), "");
  EXPECT_EQ(again.say(100, R"({"ch2":41})"), "+");
}

TEST(Scope, LearnsOfSensorsThatComeAndGo) {
  auto rule = limit(30);
  rule.conditions[0].metric = "";
  rule.scope.sensor_type = "temperature";
  Bench b({rule});
  RuledDevice d;
  d.device_id = "d";
  EXPECT_TRUE(b.engine.aims_at_sensors());
  const auto hot = json::parse_text(R"({"ch1":99})");
  EXPECT_TRUE(b.engine.brings_new_keys("d", hot.get_object()));
  EXPECT_FALSE(b.engine.brings_new_keys("d", hot.get_object())) << "once";
  EXPECT_EQ(b.say(0, R"({"ch1":99})"), "");
  SensorTarget own;
  own.sensor_id = 1;
  own.device_id = "d";
  own.metric = "ch1";
  own.sensor_type = "temperature";
  b.engine.put_sensors("d", {own});
  b.engine.put_device(d);
  EXPECT_EQ(b.say(1, R"({"ch1":99})"), "+");
  b.engine.put_sensors("d", {});
  b.engine.put_device(d);
  EXPECT_EQ(b.tick(2), "-");
  EXPECT_EQ(b.say(3, R"({"ch1":99})"), "");
}

TEST(Scope, ThatADeviceLeavesEndsItsAlertsAndWhatItHeld) {
  auto here = limit(30), lasting = limit(30, 60);
  here.scope.site_ids = lasting.scope.site_ids = {"berlin"};
  lasting.rule_id = "r2";
  Bench b({here, lasting});
  EXPECT_EQ(b.temp(0, 31), "+");
  RuledDevice gone;
  gone.device_id = "d";
  gone.site_id = "paris";
  b.engine.put_device(gone);
  EXPECT_EQ(b.tick(1), "-");
  EXPECT_EQ(b.last.list[0].recovery.reason, "out_of_scope");
  EXPECT_EQ(b.last.list[0].recovery.fingerprint, "RULE:r1:d");
  EXPECT_EQ(b.last.states.at({"r2", "d"}), "");
  EXPECT_EQ(b.tick(3), "") << "once";
  gone.site_id = "berlin";
  b.engine.put_device(gone);
  EXPECT_EQ(b.temp(61, 31), "+") << "what lasts begins anew";
  gone.site_id = "paris";
  b.engine.put_device(gone);
  gone.site_id = "berlin";
  b.engine.put_device(gone);
  EXPECT_EQ(b.tick(62), "") << "it came back before anybody looked";
  EXPECT_EQ(b.temp(63, 20), "-");
}

TEST(Scope, ThatADeviceLeftMeanwhileEndsWhatIsOpen) {
  auto elsewhere = limit(30);
  elsewhere.scope.site_ids = {"paris"};
  Bench b({elsewhere});
  b.engine.restore_open("d", "r1", start);
  b.engine.restore_open("d", "unknown", start);
  EXPECT_EQ(b.tick(1), "-");
  EXPECT_EQ(b.last.list[0].recovery.reason, "out_of_scope");
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
