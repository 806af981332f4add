// Every bound is shown; and what MQTT endpoints show.
#include "platform/limits.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "source_tree.hpp"
#include "telemetry/mqtt_metrics.hpp"
#include "telemetry/mqtt_role.hpp"

namespace pulse {
namespace {

TEST(Limits, TheTableNamesEachOnce) {
  std::ifstream file(test::source_path("src/platform/limits.hpp"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::regex constant(R"(inline constexpr [\w: ]+ (\w+) =)");
  std::set<std::string> declared, named;
  for (std::sregex_iterator it(text.begin(), text.end(), constant), end; it != end; ++it)
    declared.insert((*it)[1]);
  for (const auto& [name, value] : limits::all()) {
    EXPECT_TRUE(named.insert(std::string(name)).second) << name << " stands there twice";
    EXPECT_GT(value, 0) << name;
  }
  EXPECT_GT(declared.size(), 20u);
  EXPECT_EQ(declared, named);
}

TEST(Limits, MqttTellsWhatTheWorkerTakes) {
  const auto usual = telemetry::mqtt_limits(16 * 1024);
  EXPECT_GT(usual.packet_bytes_told, 16u * 1024);
  EXPECT_LT(usual.packet_bytes_told, 20u * 1024);
  EXPECT_GE(usual.packet_bytes_max, 64u * 1024);
  EXPECT_GT(telemetry::mqtt_limits(1024 * 1024).packet_bytes_max, 1024u * 1024);
}

TEST(MqttMetrics, ShowTheEndpointsCounts) {
  mqtt::Stats stats;
  stats.sessions.add(3);
  stats.paused.add(2);
  stats.connects_refused.add();
  stats.write_stalls.add(4);
  stats.inflight_bytes.add(500);
  stats.messages_in[1].add(7);
  stats.failures_by_reason[0x87].add(5);
  metrics::Registry registry;
  telemetry::set_mqtt_metrics(registry, stats, "gateway-1");
  const auto text = registry.text();
  for (const std::string line : {"pulse_mqtt_sessions{service=\"gateway-1\"} 3",
                                 "pulse_mqtt_paused{service=\"gateway-1\"} 2",
                                 "pulse_mqtt_connects_refused_total{service=\"gateway-1\"} 1",
                                 "pulse_mqtt_write_stalls_total{service=\"gateway-1\"} 4",
                                 "pulse_mqtt_inflight_bytes{service=\"gateway-1\"} 500",
                                 "pulse_mqtt_messages_in_total{qos=\"1\",service=\"gateway-1\"} 7"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  EXPECT_TRUE(
      std::regex_search(text, std::regex("pulse_mqtt_failures_total\\{reason=\".+\",.*\\} 5")))
      << text;
}

}  // namespace
}  // namespace pulse
