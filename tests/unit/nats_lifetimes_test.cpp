// What nats.c's threads have in hand when a subscription, a pull or a loop ends.
#include <dlfcn.h>
#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/detached.hpp>
#include <cstring>
#include <thread>

#include "nats_fixture.hpp"

namespace pulse::test {
namespace {

/// Holds a thread of nats.c at a place in its work until it is opened.
struct Gate {
  std::atomic<bool> armed{false}, reached{false}, opened{false};

  void arm() {
    reached = opened = false;
    armed = true;
  }
  void pass(const char* subject, std::size_t length) {
    if (!armed || std::string_view(subject, length) != "held" || reached.exchange(true)) return;
    while (!opened) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    armed = false;
  }
  /// False: this nats.c does not come by here.
  bool is_reached() {
    return wait_until([&] { return reached.load(); });
  }
};
Gate found_its_subscription, in_its_callback;
std::atomic<int> destroyed{0};

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace pulse::test

// These stand before nats.c's own functions of the same names, also for calls from within nats.c.
extern "C" {

/// Called by nats.c's reading thread between finding a message's subscription and locking it.
natsStatus natsMsg_create(natsMsg** made, const char* subject, int subject_length,
                          const char* reply, int reply_length, const char* data, int length,
                          int header_length) {
  static const auto real = pulse::test::next<decltype(&natsMsg_create)>("natsMsg_create");
  pulse::test::found_its_subscription.pass(subject, static_cast<std::size_t>(subject_length));
  return real(made, subject, subject_length, reply, reply_length, data, length, header_length);
}

/// Called first by the callbacks of our subscriptions.
const char* natsMsg_GetSubject(const natsMsg* message) {
  static const auto real = pulse::test::next<decltype(&natsMsg_GetSubject)>("natsMsg_GetSubject");
  const char* subject = real(message);
  pulse::test::in_its_callback.pass(subject, std::strlen(subject));
  return subject;
}

void natsSubscription_Destroy(natsSubscription* subscription) {
  static const auto real =
      pulse::test::next<decltype(&natsSubscription_Destroy)>("natsSubscription_Destroy");
  ++pulse::test::destroyed;
  real(subscription);
}
}

namespace pulse::test {
namespace {

class NatsLifetimes : public NatsTest {
 public:
  nats::ConsumerConfig consumer;

  NatsLifetimes() {
    consumer.stream = "EVENTS";
    consumer.durable = "worker";
    consumer.ack_wait_ms = 2'000;
  }
  void make_stream(nats::Client& c, std::string subject) {
    nats::StreamConfig stream;
    stream.name = "EVENTS";
    stream.subjects = {std::move(subject)};
    await(c.ensure_stream(stream));
    await(c.ensure_consumer(consumer));
  }
  bool answers(nats::Client& c) {
    auto echo = c.subscribe("echo", "", io.get_executor(),
                            [&](nats::Message m) { c.publish(m.reply, m.data); });
    return await(c.request("echo", "hi", 5'000)) == "hi";
  }
  /// `end` ends the subscription to "held". nats.c's thread has it in hand then, and still may.
  void ends_while_a_message_has_found_it(nats::Client& c, const std::function<void()>& end) {
    found_its_subscription.arm();
    destroyed = 0;
    c.publish("held", "x");
    ASSERT_TRUE(found_its_subscription.is_reached())
        << "this nats.c makes its messages elsewhere: hold its thread there";
    end();
    await(sleep_ms(500));
    EXPECT_EQ(destroyed, 0);
    found_its_subscription.opened = true;
    EXPECT_TRUE(await(eventually([&] { return destroyed == 1; })));
    EXPECT_TRUE(answers(c));
  }
};

TEST_F(NatsLifetimes, a_subscription_ends_while_a_message_has_found_it) {
  auto c = client();
  auto sub = c->subscribe("held", "", io.get_executor(), [](nats::Message) { FAIL(); });
  ends_while_a_message_has_found_it(*c, [&] { sub.reset(); });
}

TEST_F(NatsLifetimes, a_pull_ends_while_a_message_has_found_it) {
  auto c = client();
  make_stream(*c, "held");
  auto pull = c->pull(consumer, io.get_executor());
  EXPECT_TRUE(await(pull->fetch(10, 0)).empty());  // asks
  await(sleep_ms(50));
  ends_while_a_message_has_found_it(*c, [&] { pull.reset(); });
}

TEST_F(NatsLifetimes, what_ended_while_the_server_was_away_is_freed_when_it_is_back) {
  auto c = client();
  std::vector<std::unique_ptr<nats::Subscription>> subs;
  for (int i = 0; i < 10; ++i)
    subs.push_back(c->subscribe("a", "", io.get_executor(), [](nats::Message) {}));
  destroyed = 0;
  server.kill();
  ASSERT_TRUE(await(eventually([&] { return !c->connected(); })));
  subs.clear();
  await(sleep_ms(500));
  EXPECT_EQ(destroyed, 0);
  server.start();
  EXPECT_TRUE(await(eventually([&] { return destroyed == 10; }, 15'000)));
}

TEST_F(NatsLifetimes, what_ends_with_the_client_is_freed_with_it) {
  destroyed = 0;
  auto c = client();
  auto before = c->subscribe("a", "", io.get_executor(), [](nats::Message) {});
  auto after = c->subscribe("b", "", io.get_executor(), [](nats::Message) {});
  before.reset();
  c->drain(1'000);
  after.reset();
  c.reset();
  EXPECT_EQ(destroyed, 3);  // and the client's own
}

TEST_F(NatsLifetimes, nothing_comes_to_a_loop_that_went_after_its_subscription) {
  auto c = client();
  auto loop = std::make_unique<boost::asio::io_context>(1);
  auto sub = c->subscribe("held", "", loop->get_executor(), [](nats::Message) { FAIL(); });
  in_its_callback.arm();
  c->publish("held", "x");
  ASSERT_TRUE(in_its_callback.is_reached());
  std::thread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    in_its_callback.opened = true;
  });
  sub.reset();
  loop.reset();
  later.join();
  await(sleep_ms(100));
  EXPECT_TRUE(answers(*c));
}

TEST_F(NatsLifetimes, nothing_comes_to_a_loop_that_went_after_its_pull) {
  auto c = client();
  make_stream(*c, "held");
  auto loop = std::make_unique<boost::asio::io_context>(1);
  auto pull = c->pull(consumer, loop->get_executor());
  EXPECT_TRUE(test::await(*loop, pull->fetch(10, 0)).empty());  // asks
  EXPECT_TRUE(test::await(*loop, pull->fetch(10, 50)).empty());
  in_its_callback.arm();
  c->publish("held", "x");
  ASSERT_TRUE(in_its_callback.is_reached());
  std::thread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    in_its_callback.opened = true;
  });
  pull.reset();
  loop.reset();
  later.join();
  await(sleep_ms(100));
  EXPECT_TRUE(answers(*c));
}

/// What one loop does over and over until it is told to stop.
struct Bustle {
  nats::Client& client;
  nats::ConsumerConfig consumer;
  std::atomic<bool>& stop;
  std::atomic<int> heard{0}, pulled{0};

  Task<> come_and_go() {
    const auto executor = co_await boost::asio::this_coro::executor;
    while (!stop) {
      std::vector<std::unique_ptr<nats::Subscription>> subs;
      for (int i = 0; i < 5; ++i)
        subs.push_back(client.subscribe("flow.>", "", executor, [&](nats::Message) { ++heard; }));
      co_await sleep_ms(1);
    }
  }
  Task<> pull_anew() {
    const auto executor = co_await boost::asio::this_coro::executor;
    for (int round = 0; !stop; ++round) {
      bool failed = false;
      try {
        co_await client.restart_consumer(consumer);
      } catch (const nats::Error&) {
        failed = true;
      }
      if (failed) co_await sleep_ms(20);
      auto pull = client.pull(consumer, executor);
      const auto messages = co_await pull->fetch(20, 50);
      pulled += static_cast<int>(messages.size());
      for (const auto& m : messages) pull->ack(m);
      if (round % 2) pull->drop_pending();
    }
  }
  Task<> publish() {
    while (!stop) {
      for (int i = 0; i < 50; ++i) client.publish("flow.a", "some text");
      for (int i = 0; i < 5; ++i) client.publish("events.a", "some text");
      co_await sleep_ms(1);
    }
  }
};

TEST_F(NatsLifetimes, loops_come_and_go_while_messages_flow_and_the_server_restarts) {
  auto c = client();
  make_stream(*c, "events.>");
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<Bustle>> bustles;
  std::vector<std::unique_ptr<boost::asio::io_context>> loops;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    auto& loop = *loops.emplace_back(std::make_unique<boost::asio::io_context>(1));
    auto& bustle = *bustles.emplace_back(std::make_unique<Bustle>(*c, consumer, stop));
    bustle.consumer.durable += std::to_string(i);
    boost::asio::co_spawn(loop, bustle.come_and_go(), boost::asio::detached);
    boost::asio::co_spawn(loop, bustle.pull_anew(), boost::asio::detached);
    if (i == 0) boost::asio::co_spawn(loop, bustle.publish(), boost::asio::detached);
    threads.emplace_back([&loop] { loop.run(); });
  }
  for (int i = 0; i < 3; ++i) {
    for (auto& bustle : bustles) bustle->heard = bustle->pulled = 0;
    await(sleep_ms(700));
    EXPECT_TRUE(await(eventually(
        [&] {
          return std::all_of(bustles.begin(), bustles.end(),
                             [](const auto& b) { return b->heard > 0 && b->pulled > 0; });
        },
        30'000)));
    if (i == 2) break;
    server.kill();
    await(sleep_ms(100));
    server.start();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  loops.clear();
  EXPECT_TRUE(await(eventually([&] { return c->connected(); })));
  EXPECT_TRUE(answers(*c));
}

}  // namespace
}  // namespace pulse::test
