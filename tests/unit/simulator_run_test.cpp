// The simulator against the platform's own servers, which refuse, fail and cut connections.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "platform/http/server.hpp"
#include "platform/loop.hpp"
#include "platform/mqtt/endpoint.hpp"
#include "simulator/simulate.hpp"

namespace pulse::simulator {
namespace {

struct SimulatorRunTest : testing::Test {
  Loop loop{"servers"};
  http::Server server{loop.io(),
                      {},
                      {[this](http::Request& r) { return answer(r); },
                       [](auto, auto) { return std::size_t{1} << 20; }}};
  std::unique_ptr<mqtt::Endpoint> endpoint;
  std::uint16_t mqtt_port = 0;
  // Written on the loop, read when it has stopped.
  std::map<std::string, int> stored;  // "device seq" -> times
  int requests = 0, publishes = 0;
  std::string dir = testing::TempDir() + "simulator" + std::to_string(getpid());
  std::string devices_file = dir + ".jsonl", acked_log = dir + ".acked";

  SimulatorRunTest() {
    mqtt::Hooks hooks;
    hooks.authenticate = [](const mqtt::ConnectInfo& info) -> Task<mqtt::AuthResult> {
      mqtt::AuthResult result;
      result.principal.name = std::string(info.user_name.value_or(""));
      if (info.password != "good") result.reason = mqtt::Reason::bad_user_name_or_password;
      co_return result;
    };
    hooks.publish = [this](const mqtt::Principal& who,
                           const mqtt::PublishView& m) -> Task<mqtt::PublishResult> {
      EXPECT_EQ(m.topic, "tenant/" + who.name.substr(0, who.name.find('/')) + "/device/" +
                             who.name.substr(who.name.find('/') + 1) + "/telemetry");
      if (++publishes % 50 == 0) co_return mqtt::PublishResult::unavailable("not now");
      const auto value = boost::json::parse(m.payload);
      ++stored[who.name + " " + std::to_string(value.at("seq").as_int64())];
      co_return mqtt::PublishResult::accept();
    };
    endpoint = std::make_unique<mqtt::Endpoint>(loop.io(), std::move(hooks));
    mqtt_port = endpoint->listen("127.0.0.1", 0);
    server.start();
    std::remove(acked_log.c_str());
  }
  ~SimulatorRunTest() override {
    std::remove(devices_file.c_str());
    std::remove(acked_log.c_str());
  }

  Task<http::Response> answer(http::Request& request) {
    // Every tenth request: stored, but the answer is "later", so that the device sends it again.
    const bool fail = ++requests % 10 == 0;
    const auto body = boost::json::parse(request.body);
    if (request.path == "/ingest/v1/batch") {
      boost::json::array results;
      for (const auto& m : body.at("messages").as_array()) {
        EXPECT_EQ(m.at("provision_token").as_string(), "good");
        const bool odd = m.at("seq").as_int64() % 7 == 0;
        if (!odd) store(std::string(m.at("device_id").as_string()), m);
        results.push_back({{"index", results.size()},
                           {"status", odd ? "rejected" : "accepted"},
                           {"reason", odd ? boost::json::value("RATE_LIMITED") : nullptr}});
      }
      if (fail) co_return http::Response::json(503, "{}");
      co_return http::Response::json(
          202, boost::json::serialize(boost::json::object{{"results", results}}));
    }
    if (request.headers.get("X-Provision-Token") != "good")
      co_return http::Response::json(401, R"({"detail":"TOKEN_INVALID"})");
    const std::string start = "/ingest/v1/tenant/demo/device/";
    EXPECT_TRUE(request.path.starts_with(start) && request.path.ends_with("/telemetry"));
    store(request.path.substr(start.size(), request.path.size() - start.size() - 10), body);
    if (fail) co_return http::Response::json(503, "{}");
    co_return http::Response::json(202, R"({"status":"accepted"})");
  }
  void store(const std::string& device, const boost::json::value& m) {
    ++stored["demo/" + device + " " + std::to_string(m.at("seq").as_int64())];
  }

  /// Runs the simulator against the servers, and returns its report.
  boost::json::value simulate(std::vector<std::string> args, const std::string& token = "good",
                              const std::vector<std::string>& last = {}) {
    {
      std::ofstream file(devices_file);
      for (int i = 0; i < 20; ++i)
        file << R"({"tenant_id":"demo","device_id":"d)" << i << R"(","site_id":"s","token":")"
             << token << "\"}\n";
    }
    args.insert(args.end(), {"--devices-file", devices_file, "--url",
                             "http://127.0.0.1:" + std::to_string(server.port()), "--mqtt",
                             "127.0.0.1:" + std::to_string(mqtt_port), "--report", "json",
                             "--acked-log", acked_log, "--duration", "1"});
    args.insert(args.end(), last.begin(), last.end());  // a later flag wins
    loop.start();
    testing::internal::CaptureStdout();
    code = run(parse_options(args));
    const auto text = testing::internal::GetCapturedStdout();
    loop.stop();
    return boost::json::parse(text);
  }
  /// Each acknowledged message stands in the log once, and was stored.
  void expect_log_is_true(std::uint64_t acknowledged) {
    std::ifstream file(acked_log);
    std::string tenant, device, seq, protocol;
    std::set<std::string> seen;
    while (file >> tenant >> device >> seq >> protocol) {
      const auto key = tenant + "/" + device + " " + seq;
      EXPECT_TRUE(seen.insert(key).second) << key;
      EXPECT_TRUE(stored.contains(key)) << key;
    }
    EXPECT_EQ(seen.size(), acknowledged);
  }
  int code = -1;
};

TEST_F(SimulatorRunTest, SendsOverBothUntilAcknowledged) {
  const auto report = simulate({"--rate", "1000"});
  const auto acknowledged = report.at("acknowledged").to_number<std::uint64_t>();
  EXPECT_EQ(code, 0);
  EXPECT_EQ(report.at("sent").to_number<std::uint64_t>(), acknowledged);
  EXPECT_NEAR(static_cast<double>(acknowledged), 1'000, 250);
  EXPECT_GT(report.at("resent").to_number<int>(), 0);
  EXPECT_GT(report.at("reconnects").to_number<int>(), 0);
  EXPECT_EQ(report.at("unanswered").to_number<int>(), 0);
  EXPECT_GT(report.at("latency_ms").at("p50").to_number<double>(), 0);
  expect_log_is_true(acknowledged);
  EXPECT_EQ(stored.size(), acknowledged);
}

TEST_F(SimulatorRunTest, SendsBatches) {
  const auto report = simulate({"--rate", "3000", "--protocol", "http", "--batch", "50"});
  const auto acknowledged = report.at("acknowledged").to_number<std::uint64_t>();
  const auto refused = report.at("refused").at("RATE_LIMITED").to_number<std::uint64_t>();
  EXPECT_EQ(report.at("sent").to_number<std::uint64_t>(), acknowledged + refused);
  EXPECT_GT(acknowledged, 1'500u);
  EXPECT_LT(requests, 150);
  expect_log_is_true(acknowledged);
}

TEST_F(SimulatorRunTest, SaysWhyItIsRefused) {
  const auto report = simulate({"--rate", "200"}, "bad");
  EXPECT_EQ(code, 1);
  EXPECT_EQ(report.at("acknowledged").to_number<int>(), 0);
  EXPECT_GT(report.at("refused").at("TOKEN_INVALID").to_number<int>(), 50);
  EXPECT_EQ(report.at("refused").as_object().size(), 2u) << report;
  expect_log_is_true(0);
}

TEST_F(SimulatorRunTest, EndsWhenNobodyAnswers) {
  const auto report = simulate({"--rate", "500", "--drain", "0.2", "--in-flight", "40"}, "good",
                               {"--url", "http://127.0.0.1:1", "--mqtt", "127.0.0.1:1"});
  EXPECT_EQ(code, 1);
  EXPECT_EQ(report.at("sent").to_number<int>(), 80);
  EXPECT_EQ(report.at("unanswered").to_number<int>(), 80);
}

}  // namespace
}  // namespace pulse::simulator
