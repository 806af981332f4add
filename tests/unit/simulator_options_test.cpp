#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "simulator/simulate.hpp"

namespace pulse::simulator {
namespace {

Options parse(std::vector<std::string> args) { return parse_options(args); }

std::string fault(std::vector<std::string> args) {
  args.insert(args.begin(), {"--devices-file", "d", "--url", "http://h:1", "--mqtt", "h:1"});
  try {
    parse(args);
    return "";
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

TEST(SimulatorOptions, ReadsEveryFlag) {
  const auto o = parse({"--url=http://127.0.0.1:8080/",
                        "--mqtt",
                        "127.0.0.1:1883",
                        "--devices-file",
                        "d.jsonl",
                        "--devices",
                        "12",
                        "--profile",
                        "gps-tracker",
                        "--rate",
                        "2500.5",
                        "--protocol",
                        "http",
                        "--batch",
                        "100",
                        "--duration",
                        "30",
                        "--qos=2",
                        "--faults",
                        "malformed,skew",
                        "--seed",
                        "7",
                        "--report",
                        "json",
                        "--acked-log",
                        "a.log",
                        "--in-flight",
                        "64",
                        "--drain",
                        "3"});
  EXPECT_EQ(o.url, "http://127.0.0.1:8080");
  EXPECT_EQ(o.mqtt_host, "127.0.0.1");
  EXPECT_EQ(o.mqtt_port, 1883);
  EXPECT_EQ(o.devices_file, "d.jsonl");
  EXPECT_EQ(o.devices, 12u);
  EXPECT_EQ(o.profile, "gps-tracker");
  EXPECT_EQ(o.rate, 2500.5);
  EXPECT_EQ(o.protocol, Protocol::http);
  EXPECT_EQ(o.batch, 100);
  EXPECT_EQ(o.duration_s, 30);
  EXPECT_EQ(o.qos, 2);
  EXPECT_EQ(o.faults, (std::set<Fault>{Fault::malformed, Fault::skew}));
  EXPECT_EQ(o.seed, 7u);
  EXPECT_EQ(o.report, ReportFormat::json);
  EXPECT_EQ(o.acked_log, "a.log");
  EXPECT_EQ(o.in_flight, 64u);
  EXPECT_EQ(o.drain_s, 3);
}

TEST(SimulatorOptions, HasDefaults) {
  const auto o = parse({"--url", "http://h:1", "--mqtt", "h:1", "--devices-file", "d"});
  EXPECT_FALSE(o.rate);
  EXPECT_EQ(o.devices, 0u);
  EXPECT_TRUE(o.profile.empty());
  EXPECT_EQ(o.protocol, Protocol::mixed);
  EXPECT_EQ(o.batch, 1);
  EXPECT_EQ(o.qos, 1);
  EXPECT_TRUE(o.faults.empty());
}

TEST(SimulatorOptions, NamesTheFlagThatIsWrong) {
  for (const auto& [flag, value] : std::vector<std::pair<std::string, std::string>>{
           {"--rate", "-1"},       {"--rate", "fast"},
           {"--rate", "nan"},      {"--batch", "0"},
           {"--batch", "101"},     {"--batch", "1.5"},
           {"--qos", "3"},         {"--qos", "-1"},
           {"--protocol", "coap"}, {"--faults", "malformed,"},
           {"--faults", "fire"},   {"--mqtt", "host"},
           {"--mqtt", "host:0"},   {"--mqtt", "h:70000"},
           {"--url", "https://h"}, {"--report", "xml"},
           {"--in-flight", "0"},   {"--duration", "1h"},
           {"--devices", "0"},     {"--profile", "toaster"},
           {"--seed", "x"},        {"--fleet", "9"}})
    EXPECT_TRUE(fault({flag, value}).starts_with(flag + ": ")) << flag << " " << value;
  EXPECT_EQ(fault({"--rate"}), "--rate: needs a value");
  EXPECT_EQ(fault({}), "");
}

TEST(SimulatorOptions, NeedsWhatTheProtocolNeeds) {
  EXPECT_THROW(parse({"--url", "http://h:1", "--mqtt", "h:1"}), std::invalid_argument);
  EXPECT_THROW(parse({"--devices-file", "d", "--url", "http://h:1"}), std::invalid_argument);
  EXPECT_THROW(parse({"--devices-file", "d", "--mqtt", "h:1"}), std::invalid_argument);
  EXPECT_NO_THROW(parse({"--devices-file", "d", "--url", "http://h:1", "--protocol", "http"}));
  EXPECT_NO_THROW(parse({"--devices-file", "d", "--mqtt", "h:1", "--protocol", "mqtt"}));
}

}  // namespace
}  // namespace pulse::simulator
