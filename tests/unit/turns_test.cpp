#include "platform/turns.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "await.hpp"

namespace pulse::test {
namespace {

struct Room {
  Turns turns;
  std::vector<int> order;
  int inside = 0, most = 0;
};

Task<> visit(Room& room, int number) {
  const auto turn = co_await room.turns.take();
  room.order.push_back(number);
  room.most = std::max(room.most, ++room.inside);
  co_await sleep_ms(1);
  --room.inside;
}

Task<> visit_and_fail(Room& room) {
  const auto turn = co_await room.turns.take();
  throw std::runtime_error("out of luck");
}

Task<> release_early(Room& room) {
  auto turn = co_await room.turns.take();
  turn.release();
  turn.release();  // once is enough
  const auto again = co_await room.turns.take();
  room.order.push_back(1);
}

TEST(Turns, OneAtATimeInTheOrderOfAsking) {
  boost::asio::io_context io;
  Room room;
  int done = 0;
  for (int i = 0; i < 20; ++i)
    boost::asio::co_spawn(io, visit(room, i), [&](std::exception_ptr e) { done += !e; });
  await(io, visit(room, 20));
  EXPECT_EQ(done, 20);
  EXPECT_EQ(room.most, 1);
  ASSERT_EQ(room.order.size(), 21u);
  EXPECT_TRUE(std::is_sorted(room.order.begin(), room.order.end()));
}

TEST(Turns, IsGivenUpByAnErrorAndByHand) {
  boost::asio::io_context io;
  Room room;
  EXPECT_THROW(await(io, visit_and_fail(room)), std::runtime_error);
  await(io, release_early(room));
  EXPECT_EQ(room.order, std::vector<int>{1});
}

TEST(Turns, ATurnOutlivesWhatItIsOf) {
  boost::asio::io_context io;
  auto turns = std::make_unique<Turns>();
  auto turn = await(io, turns->take());
  turns.reset();
  turn.release();
}

}  // namespace
}  // namespace pulse::test
