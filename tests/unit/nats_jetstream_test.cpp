// Streams, consumers and pulling, against a real server.
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <map>

#include "nats_fixture.hpp"
#include "platform/clock.hpp"
#include "platform/nats/publish_all.hpp"

namespace pulse::test {
namespace {

using nats::Delivered;

class NatsJetStream : public NatsTest {
 public:
  std::unique_ptr<nats::Client> c = client();
  nats::StreamConfig stream;
  nats::ConsumerConfig consumer;

  void SetUp() override {
    stream.name = "EVENTS";
    stream.subjects = {"events.>"};
    consumer.stream = "EVENTS";
    consumer.durable = "worker";
  }
  void make() {
    await(c->ensure_stream(stream));
    await(c->ensure_consumer(consumer));
  }
  std::unique_ptr<nats::PullConsumer> pull() { return c->pull(consumer, io.get_executor()); }
  void publish(int from, int to) {
    int done = 0;
    for (int i = from; i < to; ++i)
      c->publish_acked("events." + std::to_string(i % 3), std::to_string(i), "", 10'000,
                       io.get_executor(), [&](nats::PublishResult r) { done += r.ok(); });
    ASSERT_TRUE(await(eventually([&] { return done == to - from; })));
  }
  std::vector<Delivered> fetch(nats::PullConsumer& from, std::size_t max, long ms = 5'000) {
    return await(from.fetch(max, ms));
  }
  /// Fetches until there are `count`.
  std::vector<Delivered> collect(nats::PullConsumer& from, std::size_t count) {
    std::vector<Delivered> out;
    const auto until = steady_ms() + 5'000;
    while (out.size() < count && steady_ms() < until)
      for (auto& m : fetch(from, count - out.size(), 200)) out.push_back(std::move(m));
    EXPECT_EQ(out.size(), count);
    return out;
  }
  boost::json::value info(const std::string& what) {
    return boost::json::parse(await(c->request("$JS.API." + what, "", 3'000)));
  }
  boost::json::value stream_config() { return info("STREAM.INFO.EVENTS").at("config"); }
  boost::json::value consumer_info() { return info("CONSUMER.INFO.EVENTS.worker"); }
};

TEST_F(NatsJetStream, a_stream_is_made_as_asked_and_brought_up_to_date) {
  stream.max_bytes = 1'000'000;
  stream.max_age_s = 600;
  stream.duplicate_window_s = 90;
  await(c->ensure_stream(stream));
  auto config = stream_config();
  EXPECT_EQ(config.at("max_bytes"), boost::json::value(1'000'000));
  EXPECT_EQ(config.at("max_age").to_number<std::int64_t>(), 600'000'000'000);
  EXPECT_EQ(config.at("duplicate_window").to_number<std::int64_t>(), 90'000'000'000);
  EXPECT_EQ(config.at("discard"), boost::json::value("new"));
  EXPECT_EQ(config.at("storage"), boost::json::value("file"));
  EXPECT_EQ(config.at("retention"), boost::json::value("limits"));
  publish(0, 5);
  await(c->ensure_stream(stream));
  stream.max_bytes = 2'000'000;
  stream.subjects = {"events.>", "more.>"};
  await(c->ensure_stream(stream));
  config = stream_config();
  EXPECT_EQ(config.at("max_bytes"), boost::json::value(2'000'000));
  EXPECT_EQ(config.at("subjects").as_array().size(), 2u);
  EXPECT_EQ(info("STREAM.INFO.EVENTS").at("state").at("messages"), boost::json::value(5));
}

TEST_F(NatsJetStream, what_can_not_be_changed_or_made_is_an_error) {
  await(c->ensure_stream(stream));
  stream.work_queue = true;
  EXPECT_THROW(await(c->ensure_stream(stream)), nats::Error);
  nats::StreamConfig overlapping;
  overlapping.name = "OTHER";
  overlapping.subjects = {"events.a"};
  EXPECT_THROW(await(c->ensure_stream(overlapping)), nats::Error);
  consumer.stream = "NONE";
  EXPECT_THROW(await(c->ensure_consumer(consumer)), nats::Error);
  EXPECT_THROW(await(c->acked_up_to("NONE", "worker")), nats::Error);
  EXPECT_THROW(await(c->purge_below("NONE", 3)), nats::Error);
}

TEST_F(NatsJetStream, a_consumer_is_made_and_brought_up_to_date) {
  consumer.ack_wait_ms = 5'000;
  make();
  await(c->ensure_consumer(consumer));
  EXPECT_EQ(consumer_info().at("config").at("ack_wait").to_number<std::int64_t>(), 5'000'000'000);
  consumer.ack_wait_ms = 7'000;
  consumer.max_ack_pending = 99;
  await(c->ensure_consumer(consumer));
  const auto config = consumer_info().at("config");
  EXPECT_EQ(config.at("ack_wait").to_number<std::int64_t>(), 7'000'000'000);
  EXPECT_EQ(config.at("max_ack_pending"), boost::json::value(99));
}

TEST_F(NatsJetStream, a_consumer_made_anew_begins_with_what_is_not_acknowledged) {
  stream.work_queue = true;
  consumer.max_ack_pending = 100;
  make();
  publish(0, 10);
  auto before = pull();
  const auto held = collect(*before, 6);
  ASSERT_EQ(held.size(), 6u);
  for (std::size_t i = 0; i < held.size(); ++i) EXPECT_EQ(held[i].consumer_sequence, i + 1);
  before->ack(held[0]);
  before->ack(held[1]);
  ASSERT_TRUE(await(eventually([&] {
    return info("STREAM.INFO.EVENTS").at("state").at("messages").to_number<int>() == 8;
  })));
  await(c->restart_consumer(consumer));
  auto after = pull();
  const auto got = collect(*after, 8);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].data, std::to_string(i + 2));
    EXPECT_EQ(got[i].consumer_sequence, i + 1);
    EXPECT_EQ(got[i].deliveries, 1u);
  }
  consumer.durable = "another";
  consumer.filter_subject = "none.at.all";
  consumer.stream = "NONE";
  EXPECT_THROW(await(c->restart_consumer(consumer)), nats::Error);
}

TEST_F(NatsJetStream, what_is_published_together_is_answered_in_its_places) {
  stream.max_bytes = 1'000'000;
  await(c->ensure_stream(stream));
  std::vector<nats::Outgoing> outgoing;
  for (int i = 0; i < 50; ++i) outgoing.push_back({"events.x", std::to_string(i), ""});
  outgoing[7].msg_id = outgoing[3].msg_id = "same";
  outgoing[20].data = std::string(1'000'001, 'x');  // more than the stream may hold
  const auto results = await(nats::publish_all(*c, std::move(outgoing), 5'000));
  ASSERT_EQ(results.size(), 50u);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].ok(), i != 20) << i;
    EXPECT_EQ(results[i].ack.duplicate, i == 7) << i;
    if (i == 7 || i == 20) continue;
    EXPECT_EQ(results[i].ack.sequence, last + 1);
    last = results[i].ack.sequence;
  }
  EXPECT_TRUE(await(nats::publish_all(*c, {}, 1'000)).empty());
}

TEST_F(NatsJetStream, fetches_and_acknowledges) {
  make();
  const auto before = now_ms();
  publish(0, 10);
  auto p = pull();
  const auto got = collect(*p, 10);
  ASSERT_EQ(got.size(), 10u);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].data, std::to_string(i));
    EXPECT_EQ(got[i].subject, "events." + std::to_string(i % 3));
    EXPECT_EQ(got[i].stream_sequence, i + 1);
    EXPECT_EQ(got[i].deliveries, 1u);
    EXPECT_EQ(got[i].pending, 9 - i);
    EXPECT_GE(got[i].stored_ms, before - 1'000);
    EXPECT_LE(got[i].stored_ms, now_ms() + 1'000);
    EXPECT_GT(got[i].lease_ends_ms, steady_ms() + 50'000);
    EXPECT_LE(got[i].lease_ends_ms, steady_ms() + 55'000);
  }
  EXPECT_EQ(consumer_info().at("num_ack_pending"), boost::json::value(10));
  for (const auto& m : got) p->ack(m);
  EXPECT_TRUE(await(
      eventually([&] { return consumer_info().at("num_ack_pending") == boost::json::value(0); })));
  EXPECT_EQ(await(c->acked_up_to("EVENTS", "worker")), 10u);
}

TEST_F(NatsJetStream, an_empty_fetch_returns_in_time) {
  make();
  auto p = pull();
  for (const long wait : {0L, 30L, 250L, 700L}) {
    const auto start = steady_ms();
    EXPECT_TRUE(fetch(*p, 10, wait).empty());
    EXPECT_GE(steady_ms() - start, wait - 1);
    EXPECT_LT(steady_ms() - start, wait + 150);
  }
}

TEST_F(NatsJetStream, what_is_not_acknowledged_comes_again_and_is_counted) {
  consumer.ack_wait_ms = 600;
  make();
  publish(0, 3);
  auto p = pull();
  const auto first = collect(*p, 3);
  ASSERT_EQ(first.size(), 3u);
  p->ack(first[1]);
  std::map<std::uint64_t, std::uint64_t> again;
  const auto until = steady_ms() + 5'000;
  while (again.size() < 2 && steady_ms() < until)
    for (const auto& m : fetch(*p, 10, 200)) again[m.stream_sequence] = m.deliveries;
  EXPECT_EQ(again, (std::map<std::uint64_t, std::uint64_t>{{1, 2}, {3, 2}}));
}

TEST_F(NatsJetStream, a_lease_is_over_before_the_server_gives_a_message_away) {
  consumer.ack_wait_ms = 1'000;
  make();
  publish(0, 1);
  auto first = pull();
  auto second = pull();
  const auto got = fetch(*first, 1);
  ASSERT_EQ(got.size(), 1u);
  std::vector<Delivered> other;
  const auto until = steady_ms() + 5'000;
  while (other.empty() && steady_ms() < until) other = fetch(*second, 1, 100);
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(other[0].deliveries, 2u);
  EXPECT_LT(got[0].lease_ends_ms, steady_ms());
  EXPECT_GT(other[0].lease_ends_ms, got[0].lease_ends_ms);
}

TEST_F(NatsJetStream, what_waited_here_past_its_lease_is_not_handed_out) {
  consumer.ack_wait_ms = 500;
  make();
  auto p = pull();
  EXPECT_TRUE(fetch(*p, 10, 0).empty());  // asks
  publish(0, 4);
  await(sleep_ms(200));  // they are here by now
  ::usleep(450'000);     // and the loop is busy elsewhere
  std::map<std::uint64_t, std::uint64_t> got;
  const auto until = steady_ms() + 5'000;
  while (got.size() < 4 && steady_ms() < until)
    for (const auto& m : fetch(*p, 10, 100)) {
      EXPECT_GT(m.deliveries, 1u);
      EXPECT_GT(m.lease_ends_ms, steady_ms());
      got[m.stream_sequence] = m.deliveries;
      p->ack(m);
    }
  EXPECT_EQ(got.size(), 4u);
}

TEST_F(NatsJetStream, a_refusal_brings_it_again_after_the_delay) {
  make();
  publish(0, 1);
  auto p = pull();
  auto got = fetch(*p, 10);
  ASSERT_EQ(got.size(), 1u);
  const auto start = steady_ms();
  p->nak(got[0], 300);
  got = fetch(*p, 10);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].deliveries, 2u);
  EXPECT_GE(steady_ms() - start, 280);
}

TEST_F(NatsJetStream, a_message_said_to_be_in_progress_does_not_come_again) {
  consumer.ack_wait_ms = 500;
  make();
  publish(0, 1);
  auto p = pull();
  const auto got = fetch(*p, 10);
  ASSERT_EQ(got.size(), 1u);
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(fetch(*p, 10, 200).empty());
    p->in_progress(got[0]);
  }
  p->ack(got[0]);
  EXPECT_TRUE(fetch(*p, 10, 700).empty());
}

TEST_F(NatsJetStream, fifty_thousand_messages_come_once_each_and_in_order) {
  make();
  constexpr int total = 50'000;
  auto p = pull();
  std::vector<int> seen;
  seen.reserve(total);
  std::size_t largest = 0;
  boost::asio::co_spawn(
      io,
      [](nats::PullConsumer& from, std::vector<int>& out, std::size_t& most) -> Task<> {
        while (out.size() < total) {
          const auto messages = co_await from.fetch(1'000, 250);
          most = std::max(most, messages.size());
          for (const auto& m : messages) {
            out.push_back(std::stoi(std::string(m.data)));
            EXPECT_EQ(m.deliveries, 1u);
            from.ack(m);
          }
        }
      }(*p, seen, largest),
      boost::asio::detached);
  const auto start = steady_us();
  for (int i = 0; i < total; i += 5'000) publish(i, i + 5'000);
  ASSERT_TRUE(await(eventually([&] { return seen.size() >= total; }, 30'000)));
  std::printf("published and pulled: %.0f messages/s\n",
              total * 1e6 / static_cast<double>(steady_us() - start));
  EXPECT_TRUE(fetch(*p, 1'000, 300).empty());
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(total));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_LE(largest, 1'000u);
  EXPECT_TRUE(await(eventually([&] {
    return await(c->acked_up_to("EVENTS", "worker")) == static_cast<std::uint64_t>(total);
  })));
}

TEST_F(NatsJetStream, a_backlog_is_pulled_in_full_batches) {
  make();
  publish(0, 20'000);
  auto p = pull();
  std::vector<int> seen;
  int batches = 0;
  await([](nats::PullConsumer& from, std::vector<int>& out, int& n) -> Task<> {
    while (out.size() < 20'000) {
      const auto messages = co_await from.fetch(500, 1'000);
      EXPECT_FALSE(messages.empty());
      if (messages.empty()) break;
      ++n;
      for (const auto& m : messages) {
        out.push_back(std::stoi(std::string(m.data)));
        from.ack(m);
      }
      co_await sleep_ms(2);  // work, while the next batch is on its way
    }
  }(*p, seen, batches));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.size(), 20'000u);
  EXPECT_LT(batches, 400);
}

TEST_F(NatsJetStream, two_workers_share_without_overlap) {
  make();
  publish(0, 10'000);
  auto a = pull();
  auto b = pull();
  std::vector<int> first, second;
  const auto work = [](nats::PullConsumer& from, std::vector<int>& out) -> Task<> {
    while (true) {
      const auto messages = co_await from.fetch(100, 500);
      if (messages.empty()) break;
      for (const auto& m : messages) {
        out.push_back(std::stoi(std::string(m.data)));
        from.ack(m);
      }
    }
  };
  int ended = 0;
  boost::asio::co_spawn(io, work(*a, first), [&](std::exception_ptr) { ++ended; });
  boost::asio::co_spawn(io, work(*b, second), [&](std::exception_ptr) { ++ended; });
  ASSERT_TRUE(await(eventually([&] { return ended == 2; }, 20'000)));
  EXPECT_FALSE(first.empty());
  EXPECT_FALSE(second.empty());
  std::vector<int> all(first);
  all.insert(all.end(), second.begin(), second.end());
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 10'000u);
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

TEST_F(NatsJetStream, a_single_message_comes_at_once) {
  make();
  auto p = pull();
  std::vector<std::int64_t> took;
  await([](nats::Client& n, nats::PullConsumer& from, std::vector<std::int64_t>& out) -> Task<> {
    for (int i = 0; i < 100; ++i) {
      const auto start = steady_us();
      const auto r = co_await n.publish_acked("events.a", "x");
      EXPECT_TRUE(r.ok());
      const auto messages = co_await from.fetch(1'000, 2'000);
      EXPECT_EQ(messages.size(), 1u);
      for (const auto& m : messages) from.ack(m);
      out.push_back(steady_us() - start);
    }
  }(*c, *p, took));
  std::sort(took.begin(), took.end());
  std::printf("publish to pull, one at a time: p50 %ld us, p99 %ld us\n",
              static_cast<long>(took[50]), static_cast<long>(took[98]));
  RecordProperty("publish_to_pull_p50_us", static_cast<int>(took[50]));
}

TEST_F(NatsJetStream, pulling_goes_on_after_a_restart_of_the_server) {
  consumer.ack_wait_ms = 2'000;
  make();
  auto p = pull();
  std::map<int, int> seen;
  bool stop = false, ended = false;
  boost::asio::co_spawn(
      io,
      [](nats::PullConsumer& from, std::map<int, int>& out, bool& done) -> Task<> {
        while (!done)
          for (const auto& m : co_await from.fetch(200, 100)) {
            ++out[std::stoi(std::string(m.data))];
            from.ack(m);
          }
      }(*p, seen, stop),
      [&](std::exception_ptr) { ended = true; });
  int next = 0;
  for (int round = 0; round < 3; ++round) {
    publish(next, next + 1'000);
    next += 1'000;
    server.kill();
    await(sleep_ms(200));
    server.start();
    ASSERT_TRUE(await(eventually([&] { return c->connected(); })));
    const auto start = steady_ms();
    publish(next, next + 1);
    const int last = next++;
    ASSERT_TRUE(await(eventually([&] { return seen.contains(last); })));
    std::printf("pulled again %ld ms after the reconnect\n",
                static_cast<long>(steady_ms() - start));
  }
  EXPECT_TRUE(await(eventually([&] { return seen.size() == static_cast<std::size_t>(next); })));
  stop = true;
  EXPECT_TRUE(await(eventually([&] { return ended; })));
}

TEST_F(NatsJetStream, a_missing_consumer_is_asked_for_gently_until_it_is_there) {
  await(c->ensure_stream(stream));
  auto p = pull();
  const auto before = c->stats().published;
  EXPECT_TRUE(fetch(*p, 10, 1'000).empty());
  EXPECT_LT(c->stats().published - before, 20u);
  await(c->ensure_consumer(consumer));
  publish(0, 1);
  EXPECT_EQ(fetch(*p, 10, 5'000).size(), 1u);
}

TEST_F(NatsJetStream, dropped_messages_come_again) {
  consumer.ack_wait_ms = 500;
  make();
  publish(0, 5);
  auto p = pull();
  EXPECT_FALSE(fetch(*p, 2).empty());
  await(sleep_ms(50));
  p->drop_pending();
  std::map<std::uint64_t, std::uint64_t> got;
  const auto until = steady_ms() + 5'000;
  while (got.size() < 5 && steady_ms() < until)
    for (const auto& m : fetch(*p, 5, 200)) {
      got[m.stream_sequence] = m.deliveries;
      p->ack(m);
    }
  EXPECT_EQ(got.size(), 5u);
}

TEST_F(NatsJetStream, what_is_given_back_comes_to_another_at_once) {
  consumer.ack_wait_ms = 60'000;
  make();
  publish(0, 3);
  auto leaving = pull(), staying = pull();
  std::size_t taken = fetch(*leaving, 2).size();
  ASSERT_GT(taken, 0u);
  taken += fetch(*leaving, 1, 0)
               .size();  // and its next request stays open: it asks for more than is there
  const auto until = steady_ms() + 5'000;
  while (consumer_info().at("num_ack_pending").to_number<std::size_t>() <= taken &&
         steady_ms() < until)
    await(sleep_ms(10));
  leaving->drop_pending();
  collect(*staying, 3 - taken);
}

TEST_F(NatsJetStream, processed_messages_are_purged_and_others_stay) {
  make();
  publish(0, 10);
  auto p = pull();
  const auto got = collect(*p, 4);
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(await(c->acked_up_to("EVENTS", "worker")), 0u);
  p->ack(got[0]);
  p->ack(got[1]);
  p->ack(got[3]);
  ASSERT_TRUE(await(eventually([&] { return await(c->acked_up_to("EVENTS", "worker")) == 2; })));
  await(c->purge_below("EVENTS", 3));
  const auto state = info("STREAM.INFO.EVENTS").at("state");
  EXPECT_EQ(state.at("messages"), boost::json::value(8));
  EXPECT_EQ(state.at("first_seq"), boost::json::value(3));
}

TEST_F(NatsJetStream, an_acknowledged_message_leaves_a_work_queue) {
  stream.work_queue = true;
  make();
  publish(0, 3);
  auto p = pull();
  for (const auto& m : collect(*p, 3)) p->ack(m);
  EXPECT_TRUE(await(eventually([&] {
    return info("STREAM.INFO.EVENTS").at("state").at("messages") == boost::json::value(0);
  })));
}

TEST_F(NatsJetStream, after_max_deliver_the_server_gives_up) {
  consumer.max_deliver = 2;
  make();
  publish(0, 1);
  auto p = pull();
  for (int i = 1; i <= 2; ++i) {
    const auto got = fetch(*p, 1);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].deliveries, static_cast<std::uint64_t>(i));
    p->nak(got[0], 1);
  }
  EXPECT_TRUE(fetch(*p, 1, 500).empty());
}

}  // namespace
}  // namespace pulse::test
