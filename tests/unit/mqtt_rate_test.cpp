// Messages of devices that send too fast: order, one wait each, what a lost session leaves behind.
#include "telemetry/mqtt_rate.hpp"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include "await.hpp"

namespace pulse::telemetry {
namespace {

namespace asio = boost::asio;

struct MqttRate : testing::Test {
  asio::io_context io{1};
  nats::Client nats{nats::Options{"nats://127.0.0.1:1", "nobody"}};
  std::shared_ptr<fleet::DeviceAuth> auth;
  std::shared_ptr<RateLines> lines;
  fleet::Credentials device = named("d1");
  int session = 0, other_session = 0;
  std::vector<int> passed, refused;

  static fleet::Credentials named(std::string id) {
    auto d = std::make_shared<fleet::DeviceCredentials>();
    d->exists = true;
    d->tenant_id = "t";
    d->device_id = std::move(id);
    return d;
  }
  void limit(Rate device_rate, double tenant_per_second = 50'000) {
    fleet::DeviceAuthOptions options;
    options.device = device_rate;
    options.tenant_per_second = tenant_per_second;
    auth = std::make_shared<fleet::DeviceAuth>(nats, io.get_executor(), options);
    lines = std::make_shared<RateLines>(auth);
  }
  void send(int number, const void* from, std::size_t bytes = 10) {
    asio::co_spawn(io, RateLines::pass(lines, device, from, bytes),
                   [this, number](std::exception_ptr, bool may) {
                     (may ? passed : refused).push_back(number);
                   });
  }
  bool until(std::function<bool()> ready) {
    return test::await(io, test::eventually(std::move(ready)));
  }
  static std::vector<int> numbers(int from, int to) {
    std::vector<int> all;
    for (int i = from; i < to; ++i) all.push_back(i);
    return all;
  }
};

TEST_F(MqttRate, ABurstPassesInItsOrderAndEachMessageWaitsOnce) {
  limit({200, 5});
  for (int i = 0; i < 60; ++i) send(i, &session);
  ASSERT_TRUE(until([&] { return passed.size() == 60; }));
  EXPECT_EQ(passed, numbers(0, 60));
  EXPECT_EQ(lines->lines(), 0u);
  EXPECT_LE(auth->stats().limited_device, 55u);
  EXPECT_GT(auth->stats().limited_device, 0u);
}

TEST_F(MqttRate, ALostSessionGivesUpItsMessagesAndTheirTokens) {
  limit({1e-3, 2});
  for (int i = 0; i < 6; ++i) send(i, &session);
  send(6, &other_session);
  io.poll();
  EXPECT_EQ(passed, numbers(0, 2));
  lines->lose("t", "d1", &session);
  ASSERT_TRUE(until([&] { return refused.size() == 4; }));
  EXPECT_EQ(refused, numbers(2, 6));
  EXPECT_EQ(lines->lines(), 1u) << "the other session's message still waits";
  lines->lose("t", "d1", &other_session);
  ASSERT_TRUE(until([&] { return refused.size() == 5; }));
  EXPECT_EQ(lines->lines(), 0u);
  // Nothing is owed: the next token is the next message's.
  EXPECT_LE(auth->take(*device), 1'000'000);
}

TEST_F(MqttRate, ALineHoldsSoManyBytes) {
  limit({1e-3, 1});
  for (int i = 0; i < 100; ++i) send(i, &session, 16 * 1024);
  ASSERT_TRUE(until([&] { return !refused.empty(); }));
  EXPECT_EQ(passed, numbers(0, 1));
  EXPECT_GT(refused.size(), 50u);
  EXPECT_LT(refused.size(), 80u);
}

TEST_F(MqttRate, TheTenantsLimitTakesNothingFromTheDevice) {
  limit({1e-3, 5}, 1);
  EXPECT_EQ(auth->take(*device), 0);
  for (int i = 0; i < 20; ++i) EXPECT_GT(auth->take(*device), 0);
  // Four of the five are left, whatever the tenant refused.
  const auto stats = auth->stats();
  EXPECT_EQ(stats.limited_tenant, 20u);
  EXPECT_EQ(stats.limited_device, 0u);
}

TEST_F(MqttRate, ALoopMayGoWhileMessagesWait) {
  limit({1e-3, 1});
  {
    asio::io_context own{1};
    for (int i = 0; i < 5; ++i)
      asio::co_spawn(own, RateLines::pass(lines, device, &session, 10),
                     [](std::exception_ptr, bool) {});
    own.poll();
    EXPECT_EQ(lines->lines(), 1u);
  }
  EXPECT_EQ(lines->lines(), 0u);
}

}  // namespace
}  // namespace pulse::telemetry
