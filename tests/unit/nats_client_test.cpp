// The NATS client against a real server: core messages, publishes with PubAck, faults.
#include "nats_fixture.hpp"

namespace pulse::test {
namespace {

class NatsClient : public NatsTest {};

TEST_F(NatsClient, delivers_core_messages) {
  auto c = client();
  std::vector<nats::Message> got;
  auto sub = c->subscribe("a.*", "", io.get_executor(),
                          [&](nats::Message m) { got.push_back(std::move(m)); });
  ASSERT_TRUE(c->publish("a.b", "hello"));
  ASSERT_TRUE(c->publish("x.b", "no"));
  ASSERT_TRUE(await(eventually([&] { return !got.empty(); })));
  EXPECT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].subject, "a.b");
  EXPECT_EQ(got[0].data, "hello");
}

}  // namespace
}  // namespace pulse::test
