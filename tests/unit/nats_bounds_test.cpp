// What may wait, in bytes: for a server that does not read, for a loop that does not keep up, in a
// worker's hands.
#include <boost/json.hpp>

#include "nats_fixture.hpp"
#include "platform/clock.hpp"
#include "platform/nats/mailbox.hpp"

namespace pulse::test {
namespace {

using nats::PublishFault;
using nats::PublishResult;

Task<bool> publish_until_stored(nats::Client& c) {
  for (int i = 0; i < 100; ++i) {
    const auto result = co_await c.publish_acked("events.b", "last");
    if (result.ok()) co_return true;
    co_await sleep_ms(100);
  }
  co_return false;
}

class NatsBounds : public NatsTest {
 public:
  std::unique_ptr<nats::Client> c = client();

  void make_stream() {
    nats::StreamConfig config;
    config.name = "EVENTS";
    config.subjects = {"events.>"};
    await(c->ensure_stream(config));
  }
  boost::json::value info(const std::string& what) {
    return boost::json::parse(await(c->request("$JS.API." + what, "", 3'000)));
  }
};

TEST_F(NatsBounds, BytesThatWaitForTheServerCountUntilTheyAreSent) {
  server.freeze();
  // Also what the sender has in hand, while it can't get it out: as long as the connection lasts,
  // no more is taken than the bound and what the sockets' buffers hold.
  const std::string data(64 * 1024, 'x');
  std::size_t taken = 0;
  await([](nats::Client& n, const std::string& bytes, std::size_t& total) -> Task<> {
    while (n.connected()) {
      while (n.publish("a", bytes)) total += bytes.size();
      co_await sleep_ms(1);
    }
  }(*c, data, taken));
  server.resume();
  EXPECT_GT(taken, limits::nats_outgoing_bytes / 2);
  EXPECT_LT(taken, limits::nats_outgoing_bytes + 32 * 1024 * 1024);
}

TEST_F(NatsBounds, SmallMessagesCountWithAllTheyCost) {
  server.freeze();
  const std::string subject(4'000, 's');
  std::size_t taken = 0;
  while (c->publish(subject, "x")) ++taken;
  server.resume();
  EXPECT_LT(taken * subject.size(), limits::nats_outgoing_bytes + 32 * 1024 * 1024);
}

TEST_F(NatsBounds, WhatTimedOutInTheSendersHandIsNotSent) {
  make_stream();
  server.freeze();
  c->publish("a", "the sender waits for this one to be flushed");
  const std::string data(16 * 1024, 'x');
  constexpr int total = 3'000;  // far more than the sockets' buffers hold
  int timed_out = 0;
  for (int i = 0; i < total; ++i)
    c->publish_acked("events.a", data, "", 1'400, io.get_executor(),
                     [&](PublishResult r) { timed_out += r.fault == PublishFault::timeout; });
  ASSERT_TRUE(await(eventually([&] { return timed_out == total; })));
  server.resume();
  // Their senders were told that they are not stored. Once a later one is, all before it are
  // through.
  EXPECT_TRUE(await(publish_until_stored(*c)));
  const auto stored = info("STREAM.INFO.EVENTS").at("state").at("messages").to_number<int>();
  EXPECT_LT(stored, total / 2);
}

TEST_F(NatsBounds, APullHoldsSoManyBytes) {
  make_stream();
  nats::ConsumerConfig consumer;
  consumer.stream = "EVENTS";
  consumer.durable = "worker";
  consumer.max_request_bytes = 100'000;
  await(c->ensure_consumer(consumer));
  int done = 0;
  for (int i = 0; i < 200; ++i)
    c->publish_acked("events.a", std::string(10'000, 'x'), "", 10'000, io.get_executor(),
                     [&](PublishResult r) { done += r.ok(); });
  ASSERT_TRUE(await(eventually([&] { return done == 200; })));
  auto reader = c->pull(consumer, io.get_executor());
  std::size_t got = await(reader->fetch(1'000, 5'000)).size();
  EXPECT_GE(got, 1u);
  // What is on its way has arrived once the same state is told twice.
  std::int64_t held = -1, before = -2;
  while (held != before) {
    before = held;
    await(sleep_ms(50));
    held = info("CONSUMER.INFO.EVENTS.worker").at("num_ack_pending").to_number<std::int64_t>();
  }
  EXPECT_GE(held, 1);
  EXPECT_LE(held, 22);
  // And all of it comes, the end of a request by its bytes being an ordinary one.
  const auto until = steady_ms() + 20'000;
  while (got < 200 && steady_ms() < until) got += await(reader->fetch(1'000, 1'000)).size();
  EXPECT_EQ(got, 200u);
}

TEST(NatsMailbox, HoldsSoManyBytesOfMessages) {
  boost::asio::io_context io{1};
  auto box = std::make_shared<nats::Mailbox>(io.get_executor());
  int handled = 0;
  const auto put = [&](std::size_t bytes) { return box->put_message([&] { ++handled; }, bytes); };
  EXPECT_TRUE(put(limits::nats_incoming_bytes - 10));
  EXPECT_FALSE(put(11));
  EXPECT_TRUE(put(10));
  EXPECT_FALSE(put(1));
  box->put([&] { ++handled; });  // what is no message is never refused
  io.poll();
  EXPECT_EQ(handled, 3);
  EXPECT_TRUE(put(limits::nats_incoming_bytes)) << "what was handled counts no more";
}

}  // namespace
}  // namespace pulse::test
