#include "platform/token_bucket.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pulse {
namespace {

// So slow that nothing comes in while a test runs.
constexpr Rate frozen{1e-6, 5};

TEST(TokenBuckets, GivesItsBurstAndThenSaysHowLongToWait) {
  TokenBuckets buckets(100);
  for (int i = 0; i < 5; ++i) {
    const auto taken = buckets.take_counted("a", frozen);
    EXPECT_EQ(taken.wait_ms, 0);
    EXPECT_NEAR(taken.left, 4 - i, 0.001);
  }
  const auto refused = buckets.take_counted("a", frozen);
  EXPECT_NEAR(static_cast<double>(refused.wait_ms), 1e9, 1e6);
  EXPECT_NEAR(refused.left, 0, 0.001) << "nothing is taken then";
  EXPECT_EQ(buckets.take("b", frozen), 0) << "each key has its own";
  EXPECT_EQ(buckets.take("c", frozen, 5), 0);
  EXPECT_GT(buckets.take("c", frozen), 0);
  EXPECT_GT(buckets.take("d", frozen, 6), 0) << "more than the burst";
  EXPECT_EQ(buckets.take("d", frozen, 5), 0);
}

TEST(TokenBuckets, FillsAgainUpToTheBurst) {
  TokenBuckets buckets(100);
  constexpr Rate quick{200, 3};
  EXPECT_EQ(buckets.take("a", quick, 3), 0);
  const auto wait = buckets.take("a", quick, 2);
  EXPECT_GE(wait, 1);
  EXPECT_LE(wait, 11) << "two tokens at 200 a second";
  int polls = 0;
  while (buckets.take("a", quick, 3) != 0 && ++polls < 10'000)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_LT(polls, 10'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // time for ten tokens
  EXPECT_LE(buckets.take_counted("a", quick).left, 2.0);
}

TEST(TokenBuckets, HonoursARateThatChanges) {
  TokenBuckets buckets(100);
  EXPECT_EQ(buckets.take("a", {1e-6, 100}), 0);
  EXPECT_NEAR(buckets.take_counted("a", frozen).left, 4, 0.001) << "no more than the new burst";
}

TEST(TokenBuckets, ForgetsFullBucketsFirst) {
  constexpr std::size_t capacity = 1'600;
  TokenBuckets buckets(capacity);
  // Full again a moment after its only take, so that forgetting it changes nothing.
  constexpr Rate full{1e9, 5};
  EXPECT_EQ(buckets.take("busy", frozen, 5), 0);
  for (int i = 0; i < 20'000; ++i) buckets.take("idle-" + std::to_string(i), full);
  EXPECT_LE(buckets.size(), capacity + 16);
  EXPECT_GT(buckets.take("busy", frozen), 0) << "it still owes";
}

TEST(TokenBuckets, StaysBoundedWhenNoneIsFull) {
  constexpr std::size_t capacity = 160;
  TokenBuckets buckets(capacity);
  for (int i = 0; i < 5'000; ++i) buckets.take("k" + std::to_string(i), frozen, 5);
  EXPECT_LE(buckets.size(), capacity + 16);
}

TEST(TokenBuckets, GivesNoTokenTwiceToManyThreads) {
  TokenBuckets buckets(100);
  std::atomic<int> given = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1'000; ++i) given += buckets.take("a", {1e-6, 1'500}) == 0;
      });
  }
  EXPECT_EQ(given, 1'500);
}

}  // namespace
}  // namespace pulse
