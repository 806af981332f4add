#include "platform/loop.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace pulse {
namespace {

TEST(Loop, RunsWhatManyThreadsPostOnItsOwnInOrder) {
  Loop loop("worker");
  loop.start();
  std::vector<int> seen[4];
  std::thread::id runner[4];
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 1'000; ++i)
          loop.post([&, t, i] {
            seen[t].push_back(i);
            runner[t] = std::this_thread::get_id();
          });
      });
  }
  std::promise<std::string> name;
  loop.post([&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name.set_value(text);
  });
  EXPECT_EQ(name.get_future().get(), "worker");
  for (int t = 0; t < 4; ++t) {
    ASSERT_EQ(seen[t].size(), 1'000u);
    EXPECT_TRUE(std::is_sorted(seen[t].begin(), seen[t].end()));
    EXPECT_EQ(runner[t], runner[0]);
    EXPECT_NE(runner[t], std::this_thread::get_id());
  }
}

TEST(Loop, CutsANameThatThreadsCantHave) {
  Loop loop("a-name-of-more-than-fifteen-bytes");
  EXPECT_EQ(loop.name(), "a-name-of-more-than-fifteen-bytes");
  std::promise<std::string> name;
  loop.start();
  loop.post([&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name.set_value(text);
  });
  EXPECT_EQ(name.get_future().get(), "a-name-of-more-");
}

Task<> fails() {
  co_await sleep_ms(0);
  throw std::runtime_error("out of luck");
}

Task<> counts(int& n, int to) {
  while (n < to) {
    ++n;
    co_await sleep_ms(0);
  }
}

TEST(Loop, TellsHowATaskEnded) {
  Loop loop("loop");
  loop.start();
  int n = 0;
  std::promise<std::exception_ptr> good, bad;
  loop.spawn(counts(n, 3), [&](std::exception_ptr e) { good.set_value(e); });
  EXPECT_FALSE(good.get_future().get());
  EXPECT_EQ(n, 3);
  loop.spawn(fails(), [&](std::exception_ptr e) { bad.set_value(e); });
  EXPECT_THROW(std::rethrow_exception(bad.get_future().get()), std::runtime_error);
}

TEST(Loop, LogsTheFaultOfABackgroundTaskAndGoesOn) {
  testing::internal::CaptureStderr();
  {
    Loop loop("loop");
    loop.start();
    loop.spawn("the sweep", fails());
    int n = 0;
    std::promise<void> after;
    loop.spawn(counts(n, 10), [&](std::exception_ptr) { after.set_value(); });
    after.get_future().wait();
  }
  const auto logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("\"task\":\"the sweep\",\"error\":\"out of luck\""), std::string::npos)
      << logged;
}

/// Counts those of it that are alive.
struct Guard {
  explicit Guard(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~Guard() { --alive_; }
  Guard(const Guard&) = delete;
  std::atomic<int>& alive_;
};

Task<> sleeps_long(std::atomic<int>& alive) {
  const Guard guard(alive);
  co_await sleep_ms(3'600'000);
}

TEST(Loop, DestroysWhatWaitsWithItself) {
  std::atomic<int> alive = 0;
  bool done_called = false;
  {
    Loop loop("loop");
    loop.start();
    loop.spawn("sleeps", sleeps_long(alive));
    loop.spawn(sleeps_long(alive), [&](std::exception_ptr) { done_called = true; });
    std::promise<void> turn;
    loop.post([&] { turn.set_value(); });
    turn.get_future().wait();
    EXPECT_EQ(alive, 2);
    loop.stop();
    EXPECT_EQ(alive, 2) << "they stay as they are until the loop goes";
    loop.stop();  // again without harm
  }
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(done_called);
}

TEST(Loop, RunsOnTheCallersThreadUntilItIsStopped) {
  Loop loop("here");
  std::thread::id runner;
  loop.post([&] {
    runner = std::this_thread::get_id();
    loop.io().stop();
  });
  loop.run_here();
  EXPECT_EQ(runner, std::this_thread::get_id());
}

}  // namespace
}  // namespace pulse
