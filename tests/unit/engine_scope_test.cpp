// For whom rules are, and by which names and sensors they look at metrics.
#include <gtest/gtest.h>

#include "engine_fixture.hpp"

namespace pulse::alerting {
namespace {

using namespace engine_tests;

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

}  // namespace
}  // namespace pulse::alerting
