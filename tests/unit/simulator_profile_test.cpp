// Profiles, messages and counts of the simulator.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "simulator/fleet.hpp"
#include "simulator/profile.hpp"
#include "simulator/report.hpp"

namespace pulse::simulator {
namespace {

constexpr std::int64_t start = 1'790'000'000'000;

double as_number(const Value& value) {
  return std::visit([](auto v) { return static_cast<double>(v); }, value);
}

/// The ranges that the templates declare (migrations/0002_fleet.sql), and the weather station's.
const std::map<std::string_view, std::map<std::string_view, std::pair<double, double>>> ranges{
    {"gateway",
     {{"battery_pct", {0, 100}},
      {"signal_rssi", {-120, 0}},
      {"uptime_seconds", {0, 1e9}},
      {"cpu_temp", {-40, 85}},
      {"memory_pct", {0, 100}},
      {"supply_voltage", {0, 30}}}},
    {"gps-tracker",
     {{"latitude", {-90, 90}},
      {"longitude", {-180, 180}},
      {"speed", {0, 500}},
      {"heading", {0, 360}}}},
    {"humidity-temperature", {{"humidity", {0, 100}}, {"temperature", {-40, 85}}}},
    {"temperature-probe", {{"temperature", {-40, 125}}}},
    {"energy-meter",
     {{"power", {0, 1e6}}, {"energy", {0, 1e9}}, {"voltage", {0, 500}}, {"current", {0, 1e4}}}},
    {"cold-chain-logger",
     {{"temperature", {-60, 60}},
      {"humidity", {0, 100}},
      {"door_open", {0, 1}},
      {"battery", {0, 100}}}},
    {"air-quality",
     {{"co2", {0, 10'000}},
      {"pm25", {0, 1'000}},
      {"temperature", {-40, 85}},
      {"humidity", {0, 100}}}},
    {"tank-level", {{"level", {0, 100}}, {"volume", {0, 1e6}}}},
    {"door-contact", {{"door_open", {0, 1}}, {"openings", {0, 1e9}}, {"battery", {0, 100}}}},
    {"machine-vibration",
     {{"vibration_rms", {0, 100}}, {"bearing_temp", {-40, 200}}, {"rpm", {0, 1e5}}}},
    {"weather-station",
     {{"temperature", {-50, 60}},
      {"humidity", {0, 100}},
      {"pressure", {870, 1'085}},
      {"wind_speed", {0, 115}},
      {"rain_rate", {0, 400}}}}};

TEST(SimulatorProfile, StaysInTheTemplatesRangesForAMonth) {
  ASSERT_EQ(profiles().size(), ranges.size());
  for (const auto& profile : profiles()) {
    const auto& expected = ranges.at(profile.slug);
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      State state;
      Rng rng(seed);
      Sample sample;
      for (std::int64_t t = start; t < start + 30LL * 86'400'000; t += 300'000) {
        next_sample(profile, state, t, rng, sample);
        ASSERT_EQ(sample.metrics.size(), expected.size()) << profile.slug;
        for (const auto& [key, value] : sample.metrics) {
          const auto [least, most] = expected.at(key);
          ASSERT_GE(as_number(value), least) << profile.slug << " " << key;
          ASSERT_LE(as_number(value), most) << profile.slug << " " << key;
        }
        ASSERT_EQ(sample.position.has_value(), profile.slug == "gps-tracker");
      }
    }
  }
}

TEST(SimulatorProfile, IsAFunctionOfStateTimeAndSeed) {
  for (const auto& profile : profiles()) {
    State a, b, c;
    Rng ra(9), rb(9), rc(10);
    Sample sa, sb, sc;
    bool differs = false;
    for (std::int64_t t = start; t < start + 3'600'000; t += profile.interval_ms) {
      next_sample(profile, a, t, ra, sa);
      next_sample(profile, b, t, rb, sb);
      next_sample(profile, c, t, rc, sc);
      ASSERT_EQ(sa.metrics, sb.metrics) << profile.slug;
      differs = differs || sa.metrics != sc.metrics;
    }
    EXPECT_TRUE(differs) << profile.slug;
  }
}

TEST(SimulatorProfile, BehavesAsItsKind) {
  const auto run = [](std::string_view slug, auto each) {
    State state;
    Rng rng(3);
    Sample sample;
    for (std::int64_t t = start; t < start + 3LL * 86'400'000; t += 10'000) {
      next_sample(*find_profile(slug), state, t, rng, sample);
      each(t, sample, state);
    }
  };
  // Warmer in the afternoon than at night.
  double day = 0, night = 0;
  run("humidity-temperature", [&](auto t, const Sample& s, const State&) {
    const auto hour = t % 86'400'000 / 3'600'000;
    if (hour >= 14 && hour < 18) day += as_number(s.metrics[0].second);
    if (hour >= 2 && hour < 6) night += as_number(s.metrics[0].second);
  });
  EXPECT_GT(day, night * 1.05);
  // Doors open, and shut again; an open cold store gets warmer.
  int open = 0, shut = 0;
  double warmest = -100, coldest = 100;
  run("cold-chain-logger", [&](auto, const Sample& s, const State&) {
    (std::get<bool>(s.metrics[2].second) ? open : shut)++;
    warmest = std::max(warmest, as_number(s.metrics[0].second));
    coldest = std::min(coldest, as_number(s.metrics[0].second));
  });
  EXPECT_GT(open, 10);
  EXPECT_GT(shut, open);
  EXPECT_GT(warmest, coldest + 2);
  // A tracker moves no faster than it says, and moves.
  double last_lat = 0, last_lng = 0, far = 0;
  run("gps-tracker", [&](auto, const Sample& s, const State&) {
    const auto [lat, lng] = *s.position;
    if (last_lat != 0) {
      const double km = std::hypot((lat - last_lat) * 111.2, (lng - last_lng) * 75.0);
      ASSERT_LE(km, as_number(s.metrics[2].second) * 10 / 3'600 * 1.2 + 0.01);
      far += km;
    }
    last_lat = lat, last_lng = lng;
  });
  EXPECT_GT(far, 20);
}

std::vector<Device> devices(int n, const std::string& extra = "") {
  std::stringstream text;
  for (int i = 0; i < n; ++i)
    text << R"({"tenant_id":"demo","device_id":"d)" << i << R"(","site_id":"s1","token":"secret")"
         << extra << "}\n\n";
  return Fleet::read(text);
}

TEST(SimulatorFleet, ReadsDevices) {
  EXPECT_EQ(devices(3).size(), 3u);
  EXPECT_EQ(devices(1)[0].profile->slug, "humidity-temperature");
  EXPECT_EQ(devices(1, R"(,"template":"gps-tracker","name":"x")")[0].profile->slug, "gps-tracker");
  EXPECT_EQ(devices(1, R"(,"template":"own-kind")")[0].profile->slug, "humidity-temperature");
  EXPECT_EQ(devices(1, R"(,"template":"gateway","profile":"tank-level")")[0].profile->slug,
            "tank-level");
  for (const auto* bad : {"", "{", "[]", R"({"tenant_id":"t","device_id":"d"})",
                          R"({"tenant_id":"t","device_id":"a/b","token":"x"})",
                          R"({"tenant_id":"t","device_id":1,"token":"x"})",
                          R"({"tenant_id":"t","device_id":"d","token":"x","profile":"toaster"})"}) {
    std::stringstream text{std::string(bad)};
    EXPECT_THROW(Fleet::read(text), std::runtime_error) << bad;
  }
}

TEST(SimulatorFleet, PicksSoManyOfAProfile) {
  auto all = devices(3);
  for (auto& tracker : devices(2, R"(,"template":"gps-tracker")")) all.push_back(tracker);
  EXPECT_EQ(Fleet::pick(all, "", 0).size(), 5u);
  EXPECT_EQ(Fleet::pick(all, "", 4).size(), 4u);
  const auto one = Fleet::pick(all, "gps-tracker", 1);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].profile->slug, "gps-tracker");
  EXPECT_THROW(Fleet::pick(all, "gps-tracker", 3), std::runtime_error);
  EXPECT_THROW(Fleet::pick(all, "gateway", 0), std::runtime_error);
}

TEST(SimulatorFleet, WritesPayloads) {
  Options options;
  Fleet fleet(devices(2, R"(,"profile":"gps-tracker")"), options, start);
  for (int i = 0; i < 3; ++i) {
    const auto message = fleet.next(0, start + i);
    EXPECT_EQ(message.seq, start + i);
    const auto value = boost::json::parse(message.payload);
    EXPECT_EQ(value.at("version").as_string(), "1");
    EXPECT_EQ(value.at("site_id").as_string(), "s1");
    EXPECT_EQ(value.at("seq").as_int64(), start + i);
    EXPECT_EQ(value.at("metrics").as_object().size(), 4u);
    EXPECT_EQ(value.at("lat"), value.at("metrics").at("latitude"));
    EXPECT_EQ(value.at("ts").as_string(),
              "2026-09-21T14:13:20.00" + std::to_string(i) + "000+00:00");
  }
  EXPECT_FALSE(fleet.device(0).by_mqtt);
  EXPECT_TRUE(fleet.device(1).by_mqtt);
}

TEST(SimulatorFleet, MakesFaultsOnRequestOnly) {
  const auto count = [](std::set<Fault> faults) {
    Options options;
    options.faults = std::move(faults);
    Fleet fleet(devices(100), options, start);
    std::map<std::string, int> n;
    for (int i = 0; i < 10'000; ++i) {
      const auto index = static_cast<std::uint32_t>(i % 100);
      if (fleet.silent(index, start + i)) {
        ++n["silent"];
        continue;
      }
      n["malformed"] += fleet.next(index, start + i).malformed;
      n["burst"] += fleet.device(index).burst_left > 0;
    }
    for (const auto& device : fleet.devices()) {
      n["skewed"] += device.skew_ms != 0;
      EXPECT_LT(std::abs(device.skew_ms), 24 * 3'600'000);
    }
    return n;
  };
  auto none = count({});
  EXPECT_EQ(none["silent"] + none["malformed"] + none["burst"] + none["skewed"], 0);
  auto all = count({Fault::malformed, Fault::dropouts, Fault::bursts, Fault::skew});
  EXPECT_GT(all["silent"], 0);
  EXPECT_GT(all["malformed"], 20);
  EXPECT_GT(all["burst"], 100);
  EXPECT_GT(all["skewed"], 2);
}

TEST(SimulatorReport, FindsQuantiles) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  for (int i = 1; i <= 100'000; ++i) h.add(i);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5)), 50'000, 50'000 * 0.016);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99)), 99'000, 99'000 * 0.016);
  EXPECT_EQ(h.quantile(1), 100'000);
  EXPECT_EQ(h.max(), 100'000);
  h.add(5'000'000'000);
  EXPECT_EQ(h.max(), 1'000'000'000);
}

TEST(SimulatorReport, IsTextAndJson) {
  Report report;
  report.seconds = 2;
  report.counts.sent = 11;
  report.counts.acknowledged = 10;
  report.counts.refuse("TOKEN_INVALID");
  report.latency.add(1'500);
  const auto value = boost::json::parse(report.json());
  EXPECT_EQ(value.at("sent").to_number<int>(), 11);
  EXPECT_EQ(value.at("rate").to_number<double>(), 5);
  EXPECT_EQ(value.at("refused").at("TOKEN_INVALID").to_number<int>(), 1);
  EXPECT_NE(report.text().find("TOKEN_INVALID"), std::string::npos);
  for (int i = 0; i < 1'000; ++i) report.counts.refuse(std::to_string(i));
  EXPECT_LE(report.counts.refused.size(), 101u);
  EXPECT_EQ(report.counts.refused_in_all(), 1'001u);
}

}  // namespace
}  // namespace pulse::simulator
