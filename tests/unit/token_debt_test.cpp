// Token buckets that owe: what is reserved ahead and given back. The rate is so low that time plays
// no part.
#include <gtest/gtest.h>

#include "platform/token_bucket.hpp"

namespace pulse {
namespace {

constexpr Rate slow{1e-3, 3};
constexpr double second = 1e6;

TEST(TokenDebt, EachReservationComesLaterThanTheOneBefore) {
  TokenBuckets buckets(100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(buckets.reserve("a", slow, 4).wait_us, 0);
  for (int i = 1; i <= 4; ++i) {
    const auto reserved = buckets.reserve("a", slow, 4);
    EXPECT_TRUE(reserved.taken);
    EXPECT_NEAR(static_cast<double>(reserved.wait_us), i * 1e3 * second, 10 * second);
  }
  EXPECT_GT(buckets.take("a", slow), 4'900'000) << "whoever does not wait comes after those who do";
}

TEST(TokenDebt, IsBounded) {
  TokenBuckets buckets(100);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(buckets.reserve("a", slow, 2).taken);
  const auto beyond = buckets.reserve("a", slow, 2);
  EXPECT_FALSE(beyond.taken);
  EXPECT_NEAR(static_cast<double>(beyond.wait_us), 1e3 * second, 10 * second);
  EXPECT_FALSE(buckets.reserve("a", slow, 2).taken);
  EXPECT_NEAR(static_cast<double>(buckets.take("a", slow)), 3e6, 1e4)
      << "what was refused is not counted";
}

TEST(TokenDebt, WhatIsGivenBackIsThereAgain) {
  TokenBuckets buckets(100);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(buckets.reserve("a", slow, 1).taken);
  EXPECT_FALSE(buckets.reserve("a", slow, 1).taken);
  buckets.give_back("a", slow);
  EXPECT_TRUE(buckets.reserve("a", slow, 1).taken);
  for (int i = 0; i < 10; ++i) buckets.give_back("a", slow);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(buckets.take("a", slow), 0);
  EXPECT_GT(buckets.take("a", slow), 0) << "never more than the burst";
}

}  // namespace
}  // namespace pulse
