// What a client may cost before and after it is known, in bytes; the order of sessions and of their
// beginnings and ends.
#include "mqtt_fixture.hpp"
#include "platform/mqtt/endpoint_core.hpp"

namespace pulse::mqtt::test {
namespace {

using namespace std::string_literals;
using MqttLimits = EndpointTest;

std::string connect_with(Version version, const WillFields& will, std::string_view password) {
  Connect packet;
  packet.version = version;
  packet.client_id = "raw";
  packet.user_name = "ann";
  packet.password = password;
  packet.will = will;
  std::string bytes;
  encode(bytes, packet);
  return bytes;
}

Task<std::string> answer_to(EndpointTest& test, std::string bytes) {
  RawPeer peer(test.io, test.port);
  co_await peer.open();
  co_await peer.send(std::move(bytes));
  auto answer = co_await peer.receive(5);
  co_return answer;
}

TEST_F(MqttLimits, AConnectIsSmall) {
  start();
  run([](EndpointTest& t) -> Task<> {
    // Its header is enough: the body need not come.
    RawPeer peer(t.io, t.port);
    co_await peer.open();
    co_await peer.send("\x10\xFF\x7F"s);
    EXPECT_EQ(co_await peer.receive(), "");
    EXPECT_TRUE(peer.closed);
    WillFields will;
    will.topic = "out/will";
    const std::string payload(4096, 'w');
    will.payload = payload;
    const auto connack = co_await answer_to(t, connect_with(Version::v5, will, "secret"));
    EXPECT_EQ(connack.substr(3, 1), "\0"s);
    // From then on packets may be as large as is told.
    auto c = t.client();
    co_await c->connect(t.options(Version::v5));
    const auto ack = co_await c->publish("a", std::string(60'000, 'x'));
    EXPECT_TRUE(ack.ok());
  }(*this));
  EXPECT_EQ(received.size(), 1u);
}

TEST_F(MqttLimits, WillsAndTopicsAreBounded) {
  start();
  run([](EndpointTest& t) -> Task<> {
    const std::string long_topic(1025, 't'), large(4097, 'w');
    WillFields will;
    will.topic = long_topic;
    auto connack = co_await answer_to(t, connect_with(Version::v5, will, "secret"));
    EXPECT_EQ(connack.substr(3, 1), "\x90");
    will.topic = "t";
    will.payload = large;
    connack = co_await answer_to(t, connect_with(Version::v5, will, "secret"));
    EXPECT_EQ(connack.substr(3, 1), "\x95");
    auto c = t.client();
    co_await c->connect(t.options(Version::v5));
    EXPECT_EQ(co_await c->subscribe("out/" + long_topic, Qos::at_least_once),
              Reason::topic_filter_invalid);
    EXPECT_EQ(co_await c->subscribe("out/x", Qos::at_least_once), Reason::granted_qos1);
    const auto ack = co_await c->publish(long_topic, "x");
    EXPECT_TRUE(ack.lost);
    EXPECT_TRUE(co_await eventually([&] { return !c->connected(); }));
  }(*this));
  EXPECT_TRUE(received.empty());
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].cause.reason, Reason::topic_name_invalid);
}

TEST_F(MqttLimits, TellsLessThanItTakes) {
  limits.packet_bytes_told = 18'432;
  start();
  run([](EndpointTest& t) -> Task<> {
    auto c = t.client();
    const auto connected = co_await c->connect(t.options(Version::v5));
    EXPECT_EQ(connected.maximum_packet_size, 18'432u);
    const auto ack = co_await c->publish("a", std::string(40'000, 'x'));
    EXPECT_TRUE(ack.ok());
  }(*this));
}

/// A client that is gone before its CONNACK can be written.
class GoneStream final : public Stream {
 public:
  Task<std::size_t> read_some(std::span<char> buffer) override {
    const auto bytes = connect_bytes(Version::v5);
    std::copy(bytes.begin(), bytes.end(), buffer.begin());
    const auto n = read_ ? 0 : bytes.size();
    read_ = true;
    co_return n;
  }
  Task<> write(std::span<const char>) override {
    throw boost::system::system_error(boost::asio::error::broken_pipe);
    co_return;
  }
  void close() noexcept override {}
  std::string remote_address() const override { return "127.0.0.1"; }

 private:
  bool read_ = false;
};

TEST_F(MqttLimits, NoSessionEndsThatDidNotBegin) {
  std::vector<std::string> events;
  hooks.connected = [&](const SessionRef&) { events.emplace_back("connected"); };
  hooks.disconnected = [&](const SessionInfo&, const DisconnectCause&, std::optional<Will>) {
    events.emplace_back("disconnected");
  };
  start();
  run([](EndpointTest& t) -> Task<> {
    co_await t.endpoint->serve(std::make_unique<GoneStream>(), Protocol::websocket);
    // The same over TCP, where the write fails at once.
    RawPeer peer(t.io, t.port);
    co_await peer.open();
    co_await peer.send(connect_bytes(Version::v311));
    co_await peer.receive(4);
  }(*this));
  ASSERT_GE(events.size(), 2u);
  EXPECT_EQ(events[0], "connected");
  EXPECT_EQ(events[1], "disconnected");
}

TEST_F(MqttLimits, FindsTheSessionsOfAPrincipal) {
  start();
  run([](EndpointTest& t) -> Task<> {
    auto ann = t.client(), bob = t.client();
    co_await ann->connect(t.options(Version::v5, "a"));
    auto as_bob = t.options(Version::v5, "b");
    as_bob.user_name = "bob";
    co_await bob->connect(as_bob);
    EXPECT_TRUE(t.endpoint->serves("bob"));
    EXPECT_FALSE(t.endpoint->serves("eve"));
    int looked = 0;
    const auto all = [&](const SessionInfo& info) {
      ++looked;
      EXPECT_EQ(info.principal.name, "bob");
      return true;
    };
    EXPECT_EQ(t.endpoint->disconnect("eve", all, Reason::not_authorized, ""), 0u);
    EXPECT_EQ(t.endpoint->disconnect("bob", all, Reason::not_authorized, "gone"), 1u);
    EXPECT_EQ(looked, 1);
    EXPECT_TRUE(co_await eventually([&] { return !bob->connected(); }));
    EXPECT_TRUE(ann->connected());
    EXPECT_FALSE(t.endpoint->serves("bob"));
  }(*this));
}

TEST_F(MqttLimits, ALateAnnouncementEndsNoLaterSession) {
  limits.tick = 1ms;
  start();
  run([](EndpointTest& t) -> Task<> {
    auto c = t.client();
    co_await c->connect(t.options(Version::v5, "same"));
    const auto first = t.sessions.at(0).info().session_id;
    auto again = t.client();
    co_await again->connect(t.options(Version::v5, "same"));
    // So long after both that an announcement of the first would be taken for one by another clock.
    co_await pause_for(5'200ms);
    EXPECT_FALSE(t.endpoint->kick("ann/same", first));
    EXPECT_TRUE(again->connected());
  }(*this));
}

TEST(MqttSessionIds, FollowTheClocksOfOthers) {
  boost::asio::io_context io{1};
  const auto core = std::make_shared<EndpointCore>(io, Hooks{}, Limits{});
  const auto here = core->next_session_id();
  // Another machine, whose clock is ahead.
  const auto ahead = new_session_id(std::stoull(here.substr(0, 12), nullptr, 16) + 30'000);
  EXPECT_LT(here, ahead);
  core->saw_session_id(ahead);
  const auto next = core->next_session_id();
  EXPECT_LT(ahead, next);
  core->saw_session_id(std::string(32, 'f'));
  const auto after = core->next_session_id();
  EXPECT_LT(next, after);
  EXPECT_LT(after, "f");
}

}  // namespace
}  // namespace pulse::mqtt::test
