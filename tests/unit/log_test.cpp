#include "platform/log.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <future>
#include <thread>

#include "platform/clock.hpp"
#include "platform/http/router.hpp"
#include "platform/loop.hpp"

namespace pulse {
namespace {

struct LogTest : testing::Test {
  LogTest() { testing::internal::CaptureStderr(); }
  ~LogTest() override {
    if (capturing_) testing::internal::GetCapturedStderr();
    log::configure("info", "pulse");
  }
  /// What was logged, each line by itself a JSON object.
  std::vector<boost::json::object> lines() {
    capturing_ = false;
    std::vector<boost::json::object> out;
    std::istringstream text(testing::internal::GetCapturedStderr());
    for (std::string line; std::getline(text, line);)
      out.push_back(boost::json::parse(line).as_object());
    return out;
  }

 private:
  bool capturing_ = true;
};

TEST_F(LogTest, IsOneObjectALine) {
  log::configure("info", "tests");
  log::info("stored", {{"rows", 3u}, {"seconds", 0.5}, {"late", true}, {"tenant", "demo"}});
  log::warn("odd");
  const auto got = lines();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].at("level"), "info");
  EXPECT_EQ(got[0].at("service"), "tests");
  EXPECT_EQ(got[0].at("msg"), "stored");
  EXPECT_EQ(got[0].at("rows"), 3);
  EXPECT_EQ(got[0].at("seconds"), 0.5);
  EXPECT_EQ(got[0].at("late"), true);
  EXPECT_EQ(got[0].at("tenant"), "demo");
  EXPECT_TRUE(parse_iso8601(got[0].at("ts").as_string()));
  EXPECT_EQ(got[1].at("level"), "warning");
  EXPECT_FALSE(got[1].contains("suppressed"));
}

TEST_F(LogTest, KeepsHostileTextInItsField) {
  constexpr char bytes[] = "\"}\n{\"level\":\"fake\"}\r\n\x1b[31m\0 \xff\xc3";
  const std::string hostile(bytes, sizeof bytes - 1);
  log::error("bad topic", {{"topic", hostile}, {"number", NAN}});
  log::error(hostile);
  const auto got = lines();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].at("level"), "error");
  const std::string_view topic = got[0].at("topic").as_string();
  EXPECT_TRUE(topic.starts_with("\"}\n{\"level\":\"fake\"}\r\n\x1b[31m")) << topic;
  EXPECT_TRUE(topic.ends_with("\xef\xbf\xbd")) << "what is no UTF-8 is replaced";
  EXPECT_TRUE(got[0].at("number").is_null());
  EXPECT_EQ(got[1].at("msg").as_string(), topic);
}

TEST_F(LogTest, SaysNothingBelowItsLevel) {
  const auto all = [] {
    log::debug("debug");
    log::info("info");
    log::warn("warning");
    log::error("error");
  };
  for (const auto* level : {"debug", "info", "warning", "error"}) {
    log::configure(level, "pulse");
    all();
  }
  EXPECT_THROW(log::configure("loud", "pulse"), std::invalid_argument);
  EXPECT_EQ(lines().size(), 4u + 3 + 2 + 1);
}

TEST_F(LogTest, NamesTheRoleOfItsThread) {
  {
    Loop gateway("gateway-7"), ingest("ingest");
    std::promise<void> done[3];
    gateway.start();
    ingest.start();
    gateway.post([&] {
      log::info("by the loop");
      done[0].set_value();
    });
    done[0].get_future().wait();
    ingest.post([&] {
      log::info("by another");
      done[1].set_value();
    });
    done[1].get_future().wait();
    gateway.post([&] {
      log::info("a guest's", {{"role", "mqtt"}});
      done[2].set_value();
    });
    done[2].get_future().wait();
  }
  const auto got = lines();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].at("role"), "gateway");
  EXPECT_EQ(got[1].at("role"), "ingest");
  EXPECT_EQ(got[2].at("role"), "mqtt") << "said once, by the field";
}

TEST_F(LogTest, TellsARepeatedFaultOnceAndHowOftenItWasNotTold) {
  for (int i = 0; i < 3; ++i) {
    log::error_throttled("again", {{"n", i}}, 2);
    log::error_throttled("another", {{"n", i}}, 3'600);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2'001));
  log::error_throttled("again", {{"n", 3}}, 2);
  log::error_throttled("another", {{"n", 3}}, 3'600);
  const auto got = lines();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].at("msg"), "again");
  EXPECT_EQ(got[0].at("n"), 0);
  EXPECT_FALSE(got[0].contains("suppressed"));
  EXPECT_EQ(got[1].at("msg"), "another");
  EXPECT_EQ(got[2].at("msg"), "again");
  EXPECT_EQ(got[2].at("n"), 3);
  EXPECT_EQ(got[2].at("suppressed"), 2);
}

TEST_F(LogTest, NamesTheRequestThatFailed) {
  http::Request request;
  request.request_id = "req-42";
  const auto answer =
      http::error_response(std::make_exception_ptr(std::runtime_error("secret inside")), request);
  EXPECT_EQ(answer.status, 500);
  const auto got = lines();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].at("request_id"), "req-42");
}

}  // namespace
}  // namespace pulse
