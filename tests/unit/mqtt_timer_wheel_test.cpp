#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "platform/mqtt/timer_wheel.hpp"

namespace pulse::mqtt {
namespace {

struct Node : TimerNode {
  int name = 0;
};

/// Names of the nodes that one tick fires.
std::multiset<int> tick(TimerWheel& wheel) {
  std::multiset<int> fired;
  wheel.advance([&](TimerNode& node) { fired.insert(static_cast<Node&>(node).name); });
  return fired;
}

std::multiset<int> ticks(TimerWheel& wheel, std::uint64_t n) {
  std::multiset<int> fired;
  while (n-- > 0) fired.merge(tick(wheel));
  return fired;
}

TEST(MqttTimerWheel, FiresOnceAtItsTick) {
  TimerWheel wheel;
  Node node;
  wheel.arm(node, 3);
  EXPECT_TRUE(node.armed());
  EXPECT_EQ(node.due(), 3u);
  EXPECT_TRUE(ticks(wheel, 2).empty());
  EXPECT_EQ(tick(wheel).size(), 1u);
  EXPECT_FALSE(node.armed());
  EXPECT_TRUE(ticks(wheel, 3'000).empty());
}

TEST(MqttTimerWheel, FiresWhatIsLateAtTheNextTick) {
  TimerWheel wheel;
  ticks(wheel, 10);
  Node late, now;
  wheel.arm(late, 2);
  wheel.arm(now, wheel.now());
  EXPECT_EQ(tick(wheel).size(), 2u);
}

TEST(MqttTimerWheel, KeepsWhatIsTurnsAway) {
  TimerWheel wheel;
  Node one, three;
  one.name = 1, three.name = 3;
  wheel.arm(one, 1'024);
  wheel.arm(three, 3 * 1'024);  // the same slot
  EXPECT_TRUE(ticks(wheel, 1'023).empty());
  EXPECT_EQ(tick(wheel), (std::multiset<int>{1}));
  EXPECT_TRUE(ticks(wheel, 2 * 1'024 - 1).empty());
  EXPECT_EQ(tick(wheel), (std::multiset<int>{3}));
}

TEST(MqttTimerWheel, LetsNodesBeArmedAndEndedWhileItFires) {
  TimerWheel wheel;
  Node again, victim;
  auto doomed = std::make_unique<Node>();
  again.name = 1, victim.name = 2, doomed->name = 3;
  for (Node* node : {&again, &victim, doomed.get()}) wheel.arm(*node, 1);
  std::vector<int> fired;
  wheel.advance([&](TimerNode& node) {
    const int name = static_cast<Node&>(node).name;
    fired.push_back(name);
    EXPECT_FALSE(node.armed());
    // Whoever comes first ends the two others of this tick, one by its end of life, and is due
    // again in this slot, a turn later.
    if (&node != &victim) wheel.disarm(victim);
    if (&node != doomed.get()) doomed.reset();
    if (&node != &again) wheel.disarm(again);
    wheel.arm(again, wheel.now() + 1'024);
  });
  EXPECT_EQ(fired.size(), 1u);
  EXPECT_TRUE(ticks(wheel, 1'023).empty());
  EXPECT_EQ(tick(wheel), (std::multiset<int>{1}));
}

TEST(MqttTimerWheel, EndsBeforeOrAfterItsNodes) {
  Node outlives;
  {
    TimerWheel wheel;
    wheel.arm(outlives, 5);
    Node shorter;
    wheel.arm(shorter, 5);
  }
  EXPECT_FALSE(outlives.armed());
  TimerWheel wheel;
  {
    Node shorter;
    wheel.arm(shorter, 1);
  }
  EXPECT_TRUE(ticks(wheel, 2).empty());
}

RC_GTEST_PROP(MqttTimerWheel, DoesWhatAListOfDueTimesDoes, ()) {
  TimerWheel wheel;
  std::vector<Node> nodes(8);
  for (int i = 0; i < 8; ++i) nodes[static_cast<std::size_t>(i)].name = i;
  std::map<int, std::uint64_t> due;
  const auto steps = *rc::gen::inRange(1, 200);
  for (int step = 0; step < steps; ++step) {
    const auto which = *rc::gen::inRange<std::size_t>(0, nodes.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0: {
        const auto at = wheel.now() + *rc::gen::inRange<std::uint64_t>(0, 3'000);
        wheel.arm(nodes[which], at);
        due[static_cast<int>(which)] = std::max(at, wheel.now() + 1);
        break;
      }
      case 1:
        wheel.disarm(nodes[which]);
        due.erase(static_cast<int>(which));
        break;
      default:
        for (auto n = *rc::gen::inRange(1, 700); n > 0; --n) {
          std::multiset<int> expected;
          for (const auto& [name, at] : due)
            if (at == wheel.now() + 1) expected.insert(name);
          for (const int name : expected) due.erase(name);
          RC_ASSERT(tick(wheel) == expected);
        }
    }
    for (std::size_t i = 0; i < nodes.size(); ++i)
      RC_ASSERT(nodes[i].armed() == due.contains(static_cast<int>(i)));
  }
}

}  // namespace
}  // namespace pulse::mqtt
