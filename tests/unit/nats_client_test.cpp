// The NATS client against a real server: core messages, publishes with PubAck, faults.
#include <boost/asio/detached.hpp>
#include <set>

#include "nats_fixture.hpp"
#include "platform/clock.hpp"

namespace pulse::test {
namespace {

using nats::PublishFault;
using nats::PublishResult;

class NatsClient : public NatsTest {
 public:
  void make_stream(nats::Client& c, std::int64_t max_bytes = -1) {
    nats::StreamConfig config;
    config.name = "EVENTS";
    config.subjects = {"events.>"};
    config.max_bytes = max_bytes;
    await(c.ensure_stream(config));
  }
  PublishResult publish(nats::Client& c, std::string data, std::string id = {}, long ms = 2'000) {
    return await(c.publish_acked("events.a", std::move(data), std::move(id), ms));
  }
  std::uint64_t stored(nats::Client& c) {
    const auto info = await(c.request("$JS.API.STREAM.INFO.EVENTS", "", 2'000));
    const auto at = info.find("\"messages\":");
    return std::stoull(info.substr(at + 11));
  }
  std::string request_error(nats::Client& c, std::string subject, long ms) {
    try {
      await(c.request(std::move(subject), "?", ms));
    } catch (const nats::Error& e) {
      return e.what();
    }
    return "";
  }
};

TEST_F(NatsClient, delivers_core_messages_until_unsubscribed) {
  auto c = client();
  std::vector<nats::Message> got;
  auto sub = c->subscribe("a.*", "", io.get_executor(),
                          [&](nats::Message m) { got.push_back(std::move(m)); });
  ASSERT_TRUE(c->publish("x.b", "no"));
  ASSERT_TRUE(c->publish("a.b", "hello"));
  ASSERT_TRUE(c->publish("a.c", ""));
  ASSERT_TRUE(await(eventually([&] { return got.size() == 2; })));
  EXPECT_EQ(got[0].subject, "a.b");
  EXPECT_EQ(got[0].data, "hello");
  EXPECT_EQ(got[1].data, "");
  c->publish("a.d", "late");
  sub.reset();
  await(sleep_ms(50));
  EXPECT_EQ(got.size(), 2u);
}

TEST_F(NatsClient, core_messages_keep_their_order_and_bytes) {
  auto c = client();
  std::vector<std::string> got;
  auto sub = c->subscribe("seq", "", io.get_executor(),
                          [&](nats::Message m) { got.push_back(std::move(m.data)); });
  std::vector<std::string> sent;
  for (int i = 0; i < 20'000; ++i) sent.push_back(std::to_string(i) + std::string("\0\r\n\xff", 4));
  for (const auto& s : sent) ASSERT_TRUE(c->publish("seq", s));
  ASSERT_TRUE(await(eventually([&] { return got.size() == sent.size(); })));
  EXPECT_EQ(got, sent);
}

TEST_F(NatsClient, a_queue_group_shares_messages) {
  auto c = client();
  int first = 0, second = 0, all = 0;
  auto a = c->subscribe("work", "g", io.get_executor(), [&](nats::Message) { ++first; });
  auto b = c->subscribe("work", "g", io.get_executor(), [&](nats::Message) { ++second; });
  auto d = c->subscribe("work", "", io.get_executor(), [&](nats::Message) { ++all; });
  for (int i = 0; i < 200; ++i) c->publish("work", "x");
  ASSERT_TRUE(await(eventually([&] { return all == 200 && first + second == 200; })));
  EXPECT_GT(first, 0);
  EXPECT_GT(second, 0);
}

TEST_F(NatsClient, requests_are_answered_or_say_why_not) {
  auto c = client();
  auto echo = c->subscribe("echo", "", io.get_executor(),
                           [&](nats::Message m) { c->publish(m.reply, "re: " + m.data); });
  auto mute = c->subscribe("mute", "", io.get_executor(), [](nats::Message) {});
  EXPECT_EQ(await(c->request("echo", "hi", 2'000)), "re: hi");
  EXPECT_NE(request_error(*c, "nobody", 2'000).find("nobody answers"), std::string::npos);
  const auto start = steady_ms();
  EXPECT_NE(request_error(*c, "mute", 150).find("no answer in time"), std::string::npos);
  EXPECT_GE(steady_ms() - start, 140);
  EXPECT_EQ(c->stats().in_flight, 0u);
}

TEST_F(NatsClient, ten_thousand_publishes_in_flight_are_all_acknowledged_in_order) {
  auto c = client();
  make_stream(*c);
  std::vector<std::uint64_t> sequences(10'000, 0);
  std::size_t done = 0, most = 0;
  const auto start = steady_us();
  for (std::size_t i = 0; i < sequences.size(); ++i)
    c->publish_acked("events." + std::to_string(i % 7), std::string(400, 'x'), "", 10'000,
                     io.get_executor(), [&, i](PublishResult r) {
                       EXPECT_TRUE(r.ok()) << r.error;
                       sequences[i] = r.ack.sequence;
                       ++done;
                     });
  most = c->stats().in_flight;
  ASSERT_TRUE(await(eventually([&] { return done == sequences.size(); })));
  RecordProperty("publishes_per_s",
                 static_cast<int>(1e10 / static_cast<double>(steady_us() - start)));
  EXPECT_GT(most, 1'000u);
  for (std::size_t i = 0; i < sequences.size(); ++i) ASSERT_EQ(sequences[i], i + 1);
  EXPECT_EQ(stored(*c), sequences.size());
  EXPECT_EQ(c->stats().in_flight, 0u);
}

TEST_F(NatsClient, a_repeated_message_id_is_a_duplicate) {
  auto c = client();
  make_stream(*c);
  const auto first = publish(*c, "x", "id-1");
  const auto again = publish(*c, "x", "id-1");
  const auto other = publish(*c, "x", "id-2");
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_FALSE(first.ack.duplicate);
  EXPECT_TRUE(again.ack.duplicate);
  EXPECT_EQ(again.ack.sequence, first.ack.sequence);
  EXPECT_FALSE(other.ack.duplicate);
  EXPECT_EQ(stored(*c), 2u);
}

TEST_F(NatsClient, a_full_stream_refuses_in_the_servers_words) {
  auto c = client();
  make_stream(*c, 10'000);
  PublishResult last;
  int accepted = 0;
  for (int i = 0; i < 100 && last.ok(); ++i) {
    last = publish(*c, std::string(1'000, 'x'));
    accepted += last.ok();
  }
  EXPECT_EQ(last.fault, PublishFault::refused);
  EXPECT_EQ(last.error, "maximum bytes exceeded");
  EXPECT_GT(accepted, 3);
  EXPECT_LT(accepted, 11);
  EXPECT_EQ(stored(*c), static_cast<std::uint64_t>(accepted));
}

TEST_F(NatsClient, a_subject_of_no_stream_is_refused) {
  auto c = client();
  make_stream(*c);
  const auto r = await(c->publish_acked("elsewhere", "x"));
  EXPECT_EQ(r.fault, PublishFault::refused);
  EXPECT_NE(r.error.find("no stream"), std::string::npos);
}

TEST_F(NatsClient, more_than_the_bound_in_flight_is_refused_at_once) {
  auto c = client();
  make_stream(*c);
  server.freeze();
  std::size_t overloaded = 0, late = 0, other = 0;
  const std::size_t total = nats::Client::max_in_flight() + 1'000;
  for (std::size_t i = 0; i < total; ++i)
    c->publish_acked("events.a", "x", "", 2'000, io.get_executor(), [&](PublishResult r) {
      if (r.fault == PublishFault::overloaded)
        ++overloaded;
      else if (r.fault == PublishFault::timeout)
        ++late;
      else
        ++other;
    });
  ASSERT_TRUE(await(eventually([&] { return overloaded + late + other == total; })));
  server.resume();
  EXPECT_EQ(overloaded, 1'000u);
  EXPECT_EQ(late, nats::Client::max_in_flight());
  EXPECT_EQ(c->stats().in_flight, 0u);
}

TEST_F(NatsClient, a_server_that_stands_still_is_a_timeout_and_then_serves_again) {
  auto c = client();
  make_stream(*c);
  ASSERT_TRUE(publish(*c, "before").ok());
  server.freeze();
  // A long deadline that was set first does not hold up a short one.
  bool slow_done = false;
  c->publish_acked("events.a", "slow", "slow", 60'000, io.get_executor(),
                   [&](PublishResult) { slow_done = true; });
  const auto start = steady_ms();
  const auto r = publish(*c, "x", "", 300);
  const auto took = steady_ms() - start;
  EXPECT_EQ(r.fault, PublishFault::timeout);
  EXPECT_GE(took, 290);
  EXPECT_LT(took, 2'000);
  EXPECT_FALSE(slow_done);
  server.resume();
  ASSERT_TRUE(await(eventually([&] { return slow_done; }, 15'000)));
  PublishResult after;
  await([](nats::Client& n, PublishResult& out) -> Task<> {
    for (int i = 0; i < 50; ++i) {
      out = co_await n.publish_acked("events.a", "after");
      if (out.ok()) break;
      co_await sleep_ms(100);
    }
  }(*c, after));
  EXPECT_TRUE(after.ok());
}

TEST_F(NatsClient, a_server_that_stands_still_never_holds_the_publishing_thread) {
  auto c = client();
  make_stream(*c);
  server.freeze();
  const auto start = steady_ms();
  std::size_t done = 0;
  // Far more than the sockets' buffers take.
  for (int i = 0; i < 20'000; ++i)
    c->publish_acked("events.a", std::string(2'000, 'x'), "", 500, io.get_executor(),
                     [&](PublishResult r) {
                       EXPECT_FALSE(r.ok());
                       ++done;
                     });
  c->publish("live", "x");
  EXPECT_LT(steady_ms() - start, 1'000);
  EXPECT_TRUE(await(eventually([&] { return done == 20'000; })));
  server.resume();
}

TEST_F(NatsClient, while_the_server_is_down_publishes_fail_at_once) {
  auto c = client();
  make_stream(*c);
  server.kill();
  ASSERT_TRUE(await(eventually([&] { return !c->connected(); })));
  const auto start = steady_ms();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(publish(*c, "x").fault, PublishFault::disconnected);
  EXPECT_LT(steady_ms() - start, 1'000);
  EXPECT_FALSE(c->publish("a", "b"));
  EXPECT_NE(request_error(*c, "echo", 1'000).find("not connected"), std::string::npos);
}

Task<> publish_for(nats::Client& c, int worker, std::int64_t until, std::set<std::string>& acked,
                   int& running) {
  for (int i = 0; steady_ms() < until; ++i) {
    const auto data = std::to_string(worker) + "-" + std::to_string(i);
    const auto r = co_await c.publish_acked("events.a", data, data, 1'000);
    if (r.ok())
      acked.insert(data);
    else
      co_await sleep_ms(5);
  }
  --running;
}

TEST_F(NatsClient, nothing_acknowledged_is_lost_when_the_server_is_killed_and_restarted) {
  auto c = client();
  make_stream(*c);
  std::set<std::string> acked;
  int running = 100;
  const auto until = steady_ms() + 4'000;
  for (int w = 0; w < 100; ++w)
    boost::asio::co_spawn(io, publish_for(*c, w, until, acked, running), boost::asio::detached);
  for (int i = 0; i < 3; ++i) {
    await(sleep_ms(500));
    server.kill();
    await(sleep_ms(100));
    server.start();
    ASSERT_TRUE(await(eventually([&] { return c->connected(); })));
  }
  const auto at_last_start = acked.size();
  ASSERT_TRUE(await(eventually([&] { return running == 0; }, 20'000)));
  EXPECT_GT(acked.size(), at_last_start);
  EXPECT_GE(c->stats().reconnects, 3u);

  nats::ConsumerConfig config;
  config.stream = "EVENTS";
  config.durable = "reader";
  await(c->ensure_consumer(config));
  auto reader = c->pull(config, io.get_executor());
  std::set<std::string> found;
  await([](nats::PullConsumer& from, std::set<std::string>& out) -> Task<> {
    while (true) {
      const auto messages = co_await from.fetch(1'000, 500);
      if (messages.empty()) break;
      for (const auto& m : messages) {
        out.emplace(m.data);
        from.ack(m);
      }
    }
  }(*reader, found));
  std::vector<std::string> lost;
  std::set_difference(acked.begin(), acked.end(), found.begin(), found.end(),
                      std::back_inserter(lost));
  EXPECT_TRUE(lost.empty()) << lost.size() << " of " << acked.size() << ", the first: " << lost[0];
}

TEST_F(NatsClient, subscriptions_survive_a_restart) {
  auto c = client();
  int got = 0;
  auto sub = c->subscribe("a", "", io.get_executor(), [&](nats::Message) { ++got; });
  server.kill();
  ASSERT_TRUE(await(eventually([&] { return !c->connected(); })));
  server.start();
  ASSERT_TRUE(await(eventually([&] { return c->connected(); })));
  c->publish("a", "x");
  EXPECT_TRUE(await(eventually([&] { return got == 1; })));
}

TEST_F(NatsClient, starts_while_the_server_is_down) {
  NatsServer later(false);
  nats::Client c(nats::Options{later.url(), "early"});
  EXPECT_FALSE(c.connected());
  int got = 0;
  auto sub = c.subscribe("a", "", io.get_executor(), [&](nats::Message) { ++got; });
  nats::ConsumerConfig config;
  config.stream = "EVENTS";
  config.durable = "reader";
  auto reader = c.pull(config, io.get_executor());
  EXPECT_EQ(publish(c, "x").fault, PublishFault::disconnected);
  EXPECT_TRUE(await(reader->fetch(10, 50)).empty());
  later.start();
  ASSERT_TRUE(await(eventually([&] { return c.connected(); })));
  make_stream(c);
  await(c.ensure_consumer(config));
  ASSERT_TRUE(publish(c, "x").ok());
  c.publish("a", "x");
  EXPECT_TRUE(await(eventually([&] { return got == 1; })));
  EXPECT_EQ(await(reader->fetch(10, 3'000)).size(), 1u);
}

TEST_F(NatsClient, a_faulty_address_is_an_error) {
  EXPECT_THROW(nats::Client(nats::Options{"nats://127.0.0.1:notaport", "x"}), nats::Error);
}

TEST_F(NatsClient, drain_waits_for_what_was_published) {
  auto c = client();
  make_stream(*c);
  std::size_t ok = 0;
  for (int i = 0; i < 5'000; ++i)
    c->publish_acked("events.a", "x", "", 5'000, io.get_executor(),
                     [&](PublishResult r) { ok += r.ok(); });
  c->drain(5'000);
  EXPECT_FALSE(c->connected());
  EXPECT_TRUE(await(eventually([&] { return ok == 5'000; })));
  EXPECT_EQ(publish(*c, "x").fault, PublishFault::disconnected);
  EXPECT_FALSE(c->publish("a", "x"));
}

TEST_F(NatsClient, a_client_may_go_with_publishes_in_flight) {
  std::size_t done = 0;
  {
    auto c = client();
    make_stream(*c);
    for (int i = 0; i < 2'000; ++i)
      c->publish_acked("events.a", "x", "", 5'000, io.get_executor(),
                       [&](PublishResult) { ++done; });
  }
  EXPECT_TRUE(await(eventually([&] { return done == 2'000; })));
}

TEST_F(NatsClient, a_loop_may_go_while_its_coroutine_waits_for_an_answer) {
  auto c = client();
  make_stream(*c);
  server.freeze();
  {
    boost::asio::io_context own{1};
    for (int i = 0; i < 10; ++i)
      boost::asio::co_spawn(own, c->publish_acked("events.a", "x", "", 50),
                            [](std::exception_ptr, PublishResult) {});
    own.run_for(std::chrono::milliseconds(20));
    await(sleep_ms(200));  // the answers wait for a loop that does not run
  }
  server.resume();
}

TEST_F(NatsClient, one_message_at_a_time_is_not_held_back) {
  auto c = client();
  make_stream(*c);
  std::vector<std::int64_t> took;
  await([](nats::Client& n, std::vector<std::int64_t>& out) -> Task<> {
    for (int i = 0; i < 300; ++i) {
      const auto start = steady_us();
      const auto r = co_await n.publish_acked("events.a", "x");
      EXPECT_TRUE(r.ok());
      out.push_back(steady_us() - start);
    }
  }(*c, took));
  std::sort(took.begin(), took.end());
  RecordProperty("publish_p50_us", static_cast<int>(took[took.size() / 2]));
  RecordProperty("publish_p99_us", static_cast<int>(took[took.size() * 99 / 100]));
  std::printf("publish with PubAck, one at a time: p50 %ld us, p99 %ld us\n",
              static_cast<long>(took[took.size() / 2]),
              static_cast<long>(took[took.size() * 99 / 100]));
}

}  // namespace
}  // namespace pulse::test
