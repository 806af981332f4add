// Manners of a session, byte by byte: versions, faults and their reason codes, keep alive, wills,
// take-over, QoS 2, topic aliases, limits.
#include "mqtt_fixture.hpp"

namespace pulse::mqtt::test {
namespace {

using namespace std::string_literals;
using MqttSession = EndpointTest;

/// Connects raw, swallows CONNACK, sends `bytes`, answers what comes until the server closes.
Task<std::string> answer_to(EndpointTest& test, Version version, std::string bytes) {
  RawPeer peer(test.io, test.port);
  co_await peer.open();
  co_await peer.send(connect_bytes(version));
  const auto connack = co_await peer.receive(version == Version::v5 ? 5 : 4);
  EXPECT_EQ(connack.substr(0, 1), "\x20");
  co_await peer.send(std::move(bytes));
  auto rest = co_await peer.receive();
  EXPECT_TRUE(peer.closed);
  co_return connack.substr(version == Version::v5 ? 5 : 4) + rest;
}

/// The reason code of the DISCONNECT that ends `bytes`.
Reason last_disconnect(const std::string& bytes) {
  const auto at = bytes.rfind('\xE0');
  if (at == std::string::npos || at + 2 >= bytes.size()) return Reason::success;
  return static_cast<Reason>(bytes[at + 2]);
}

TEST_F(MqttSession, FaultsOf50AreToldAndClose) {
  struct Case {
    std::string name, bytes;
    Reason reason;
  };
  limits.packet_bytes_max = 2000;
  limits.topic_alias_maximum = 4;
  const Case cases[] = {
      {"second CONNECT", connect_bytes(Version::v5), Reason::protocol_error},
      {"reserved flags", "\xC1\x00"s, Reason::malformed_packet},
      {"server's packet", "\xD0\x00"s, Reason::protocol_error},
      {"AUTH", "\xF0\x00"s, Reason::protocol_error},
      {"too large", "\x30\x80\x7F"s, Reason::packet_too_large},
      {"QoS 3", "\x36\x07\x00\x01"s + "a\x00\x01\x00x"s, Reason::malformed_packet},
      {"wildcard topic", "\x30\x06\x00\x02"s + "a#\x00x"s, Reason::topic_name_invalid},
      {"alias 0", "\x30\x07\x00\x01"s + "a\x03\x23\x00\x00"s, Reason::topic_alias_invalid},
      {"alias 5 of 4", "\x30\x07\x00\x01"s + "a\x03\x23\x00\x05"s, Reason::topic_alias_invalid},
      {"alias unset", "\x30\x06\x00\x00\x03\x23\x00\x01"s, Reason::protocol_error},
      {"subscription identifier", "\x30\x06\x00\x01"s + "a\x02\x0B\x01"s, Reason::protocol_error},
      {"SUBSCRIBE empty", "\x82\x03\x00\x01\x00"s, Reason::protocol_error},
      {"session expiry raised", "\xE0\x07\x00\x05\x11\x00\x00\x00\x01"s, Reason::protocol_error},
  };
  start();
  run([&]() -> Task<> {
    for (const auto& c : cases) {
      const auto answer = co_await answer_to(*this, Version::v5, c.bytes);
      EXPECT_EQ(last_disconnect(answer), c.reason) << c.name;
      EXPECT_NE(answer.find('\x1F'), std::string::npos) << c.name << " has no reason string";
    }
  }());
  for (const auto& e : ended) EXPECT_EQ(e.cause.kind, DisconnectCause::Kind::protocol_error);
}

TEST_F(MqttSession, FaultsOf311JustClose) {
  start();
  run([&]() -> Task<> {
    for (const auto& bytes : {connect_bytes(Version::v311), "\xC1\x00"s, "\xD0\x00"s, "\xF0\x00"s,
                              "\x36\x06\x00\x01"s + "a\x00\x01x"s}) {
      EXPECT_EQ(co_await answer_to(*this, Version::v311, bytes), "");
    }
  }());
}

TEST_F(MqttSession, ConnectsThatAreRefused) {
  struct Case {
    std::string name, bytes, answer;
  };
  const auto v5 = [](std::string rest) { return "\0\4MQTT\5"s + rest; };
  const auto connect = [](const std::string& body) {
    return "\x10"s + static_cast<char>(body.size()) + body;
  };
  const Case cases[] = {
      {"3.1", connect("\0\6MQIsdp\3\2\0\0\0\1a"s), "\x20\x02\x00\x01"s},
      {"version 6", connect("\0\4MQTT\6\2\0\0\0\0\1a"s), "\x84"s},
      {"no CONNECT", "\xC0\x00"s, ""},
      {"GET", "GET / HTTP/1.1\r\n\r\n"s, ""},
      {"reserved flag 5.0", connect(v5("\3\0\0\0\0\1a"s)), "\x81"s},
      {"reserved flag 3.1.1", connect("\0\4MQTT\4\3\0\0\0\1a"s), ""},
      {"authentication method", connect(v5("\2\0\0\4\x15\0\1x\0\1a"s)), "\x8C"s},
      {"empty id to keep", connect("\0\4MQTT\4\0\0\0\0\0"s), "\x20\x02\x00\x02"s},
      {"will topic", connect(v5("\6\0\0\0\0\1a\0\0\1#\0\0"s)), "\x90"s},
  };
  start();
  run([&]() -> Task<> {
    for (const auto& c : cases) {
      RawPeer peer(io, port);
      co_await peer.open();
      co_await peer.send(c.bytes);
      const auto answer = co_await peer.receive();
      EXPECT_TRUE(peer.closed) << c.name;
      if (c.answer.size() == 1) {
        EXPECT_EQ(answer.substr(0, 1), "\x20") << c.name;
        EXPECT_EQ(answer.substr(3, 1), c.answer) << c.name;
      } else {
        EXPECT_EQ(answer, c.answer) << c.name;
      }
    }
  }());
  EXPECT_TRUE(sessions.empty());
}

TEST_F(MqttSession, ConnackIsHonest) {
  limits.receive_maximum = 7;
  limits.keep_alive_max = 30s;
  start();
  run([&]() -> Task<> {
    auto c = client();
    auto o = options(Version::v5, "");
    o.clean_start = false;
    o.keep_alive = 0s;
    const auto connected = co_await c->connect(o);
    EXPECT_FALSE(connected.session_present);
    EXPECT_FALSE(connected.assigned_client_id.empty());
    EXPECT_EQ(connected.assigned_client_id, sessions.at(0).info().client_id);
    EXPECT_EQ(connected.receive_maximum, 7);
    EXPECT_EQ(connected.server_keep_alive_s, 30);
    EXPECT_EQ(connected.maximum_packet_size, limits.packet_bytes_max);
    co_await c->disconnect();
    // 3.1.1: no identifier is fine with a clean session.
    const auto old = co_await c->connect(options(Version::v311, ""));
    EXPECT_EQ(old.reason, Reason::success);
    EXPECT_FALSE(sessions.at(1).info().client_id.empty());
  }());
}

TEST_F(MqttSession, KeepAliveIsEnforcedAtOneAndAHalf) {
  start();
  run([&]() -> Task<> {
    RawPeer quiet(io, port), pinging(io, port);
    co_await quiet.open();
    co_await quiet.send(connect_bytes(Version::v5, "quiet", 1));
    co_await pinging.open();
    co_await pinging.send(connect_bytes(Version::v311, "pinging", 1));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) {
      co_await pause_for(400ms);
      co_await pinging.send("\xC0\x00"s);
    }
    EXPECT_EQ(ended.size(), 1u);
    const auto answer = co_await quiet.receive();
    EXPECT_TRUE(quiet.closed);
    EXPECT_EQ(last_disconnect(answer), Reason::keep_alive_timeout);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 1500ms);
    const auto pongs = co_await pinging.receive(14, 200ms);
    EXPECT_EQ(pongs, "\x20\x02\x00\x00"s + "\xD0\x00\xD0\x00\xD0\x00\xD0\x00\xD0\x00"s);
  }());
  EXPECT_EQ(endpoint->stats().keep_alive_timeouts.get(), 1u);
  EXPECT_EQ(ended[0].info.client_id, "quiet");
}

TEST_F(MqttSession, ConnectMustComeInTime) {
  limits.connect_timeout = 200ms;
  start();
  run([&]() -> Task<> {
    RawPeer silent(io, port), slow(io, port);
    co_await silent.open();
    co_await slow.open();
    co_await slow.send(connect_bytes(Version::v5).substr(0, 9));
    EXPECT_EQ(co_await silent.receive(), "");
    EXPECT_EQ(co_await slow.receive(), "");
    EXPECT_TRUE(silent.closed && slow.closed);
  }());
  EXPECT_EQ(endpoint->stats().connect_timeouts.get(), 2u);
}

TEST_F(MqttSession, Wills) {
  start();
  run([&]() -> Task<> {
    auto o = options(Version::v5);
    ClientWill will;
    will.topic = "in/will";
    will.payload = "gone";
    will.qos = Qos::at_least_once;
    o.will = will;
    auto c = client();
    co_await c->connect(o);
    co_await c->disconnect();
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 1; }));
    EXPECT_FALSE(ended[0].will);
    co_await c->connect(o);
    co_await c->disconnect(Reason::disconnect_with_will);
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 2; }));
    EXPECT_TRUE(ended[1].will);
    co_await c->connect(o);
    c->abort();
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 3; }));
    EXPECT_EQ(ended[2].cause.kind, DisconnectCause::Kind::connection_lost);
    EXPECT_EQ(ended[2].will.value().topic, "in/will");
    EXPECT_EQ(ended[2].will.value().payload, "gone");
    EXPECT_EQ(ended[2].will.value().qos, Qos::at_least_once);
  }());
}

TEST_F(MqttSession, TakeOver) {
  start();
  run([&]() -> Task<> {
    auto first = client(), second = client(), third = client();
    ConnectionEnd end;
    first->on_end([&](const ConnectionEnd& e) { end = e; });
    co_await first->connect(options(Version::v5, "same"));
    co_await third->connect(options(Version::v5, "other"));
    co_await second->connect(options(Version::v5, "same"));
    EXPECT_TRUE(co_await eventually([&] { return !first->connected(); }));
    EXPECT_TRUE(end.by_server_packet);
    EXPECT_EQ(end.reason, Reason::session_taken_over);
    EXPECT_TRUE((co_await second->publish("in/x", "y")).ok());
    EXPECT_TRUE((co_await third->publish("in/x", "y")).ok());
    EXPECT_EQ(ended.at(0).cause.kind, DisconnectCause::Kind::taken_over);
    // Announced with its key and session; the newest of the same moment wins on other endpoints.
    EXPECT_EQ(announced.at(2), "ann/same " + sessions.at(2).info().session_id);
    EXPECT_FALSE(endpoint->kick("ann/same", sessions.at(2).info().session_id));
    EXPECT_FALSE(endpoint->kick("ann/same", std::string(32, '0')));
    EXPECT_FALSE(endpoint->kick("ann/nobody", std::string(32, 'f')));
    EXPECT_TRUE(endpoint->kick("ann/same", std::string(32, 'f')));
    EXPECT_TRUE(co_await eventually([&] { return !second->connected(); }));
  }());
  EXPECT_EQ(endpoint->stats().takeovers.get(), 2u);
}

TEST_F(MqttSession, ReceiveMaximumIsEnforced) {
  limits.receive_maximum = 3;
  on_publish = [](const PublishView&) -> Task<PublishResult> {
    co_await pause_for(1s);
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    std::string bytes;
    for (std::uint16_t id = 1; id <= 3; ++id) {
      bytes += publish_bytes(Version::v5, "in/x", "y", Qos::at_least_once, id);
    }
    bytes += publish_bytes(Version::v5, "in/x", "y", Qos::at_most_once, 0);
    bytes += publish_bytes(Version::v5, "in/x", "y", Qos::exactly_once, 4);
    const auto answer = co_await answer_to(*this, Version::v5, bytes);
    EXPECT_EQ(last_disconnect(answer), Reason::receive_maximum_exceeded);
  }());
  EXPECT_EQ(received.size(), 4u);
}

TEST_F(MqttSession, QoS2ReachesTheHookOncePerIdentifier) {
  start();
  run([&]() -> Task<> {
    RawPeer peer(io, port);
    co_await peer.open();
    co_await peer.send(connect_bytes(Version::v311));
    co_await peer.receive(4);
    const auto publish = publish_bytes(Version::v311, "in/x", "y", Qos::exactly_once, 9);
    const auto again = publish_bytes(Version::v311, "in/x", "y", Qos::exactly_once, 9, true);
    co_await peer.send(publish);
    EXPECT_EQ(co_await peer.receive(4), "\x50\x02\x00\x09"s);
    co_await peer.send(again + again);
    EXPECT_EQ(co_await peer.receive(8), "\x50\x02\x00\x09\x50\x02\x00\x09"s);
    EXPECT_EQ(received.size(), 1u);
    co_await peer.send("\x62\x02\x00\x09"s);
    EXPECT_EQ(co_await peer.receive(4), "\x70\x02\x00\x09"s);
    co_await peer.send("\x62\x02\x00\x09"s);
    EXPECT_EQ(co_await peer.receive(4), "\x70\x02\x00\x09"s);
    co_await peer.send(publish);
    EXPECT_EQ(co_await peer.receive(4), "\x50\x02\x00\x09"s);
    EXPECT_EQ(received.size(), 2u);
  }());
  EXPECT_EQ(endpoint->stats().duplicates.get(), 2u);
}

TEST_F(MqttSession, RepeatedQoS1WithinAConnectionIsOneMessage) {
  on_publish = [](const PublishView&) -> Task<PublishResult> {
    co_await pause_for(50ms);
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    RawPeer peer(io, port);
    co_await peer.open();
    co_await peer.send(connect_bytes(Version::v311));
    co_await peer.receive(4);
    co_await peer.send(publish_bytes(Version::v311, "in/x", "y", Qos::at_least_once, 9) +
                       publish_bytes(Version::v311, "in/x", "y", Qos::at_least_once, 9, true));
    EXPECT_EQ(co_await peer.receive(8, 300ms), "\x40\x02\x00\x09"s);
  }());
  EXPECT_EQ(received.size(), 1u);
}

TEST_F(MqttSession, TopicAliases) {
  start();
  run([&]() -> Task<> {
    auto c = client();
    co_await c->connect(options(Version::v5));
    PublishOptions o;
    o.topic_alias = 3;
    co_await c->publish("in/first", "1", o);
    co_await c->publish("", "2", o);
    co_await c->publish("in/second", "3", o);
    co_await c->publish("", "4", o);
    EXPECT_TRUE(c->connected());
  }());
  ASSERT_EQ(received.size(), 4u);
  EXPECT_EQ(received[1].topic, "in/first");
  EXPECT_EQ(received[2].topic, "in/second");
  EXPECT_EQ(received[3].topic, "in/second");
}

TEST_F(MqttSession, PropertiesReachTheHook) {
  start();
  run([&]() -> Task<> {
    auto c = client();
    co_await c->connect(options(Version::v5));
    PublishOptions o;
    o.content_type = "application/cbor";
    co_await c->publish("in/x", "y", o);
  }());
  EXPECT_EQ(received.at(0).content_type, "application/cbor");
}

TEST_F(MqttSession, ClientMaximumPacketSizeIsKept) {
  start();
  run([&]() -> Task<> {
    auto c = client();
    auto o = options(Version::v5);
    o.maximum_packet_size = 64;
    int got = 0;
    c->on_message([&](const ClientMessage&) { ++got; });
    co_await c->connect(o);
    co_await c->subscribe("out/x", Qos::at_least_once);
    Message m;
    m.topic = "out/x";
    m.payload = std::string(100, 'x');
    EXPECT_EQ(endpoint->deliver("ann", m).taken, 0u);
    m.payload = "small";
    EXPECT_EQ(endpoint->deliver(sessions.at(0), m).taken, 1u);
    EXPECT_TRUE(co_await eventually([&] { return got == 1; }));
    // The reason string is left out rather than the packet.
    endpoint->disconnect([](const SessionInfo&) { return true; }, Reason::administrative_action,
                         std::string(200, 'r'));
    EXPECT_TRUE(co_await eventually([&] { return !c->connected(); }));
  }());
}

TEST_F(MqttSession, SubscriptionsAreBounded) {
  limits.subscriptions_max = 2;
  start();
  run([&]() -> Task<> {
    auto c = client();
    co_await c->connect(options(Version::v5));
    EXPECT_EQ(co_await c->subscribe("out/1", Qos::at_least_once), Reason::granted_qos1);
    EXPECT_EQ(co_await c->subscribe("out/2", Qos::at_least_once), Reason::granted_qos1);
    EXPECT_EQ(co_await c->subscribe("out/3", Qos::at_least_once), Reason::quota_exceeded);
    EXPECT_EQ(co_await c->subscribe("out/1", Qos::at_most_once), Reason::success);
    EXPECT_EQ(endpoint->stats().subscriptions.get(), 2u);
    co_await c->disconnect();
    EXPECT_TRUE(co_await eventually([&] { return endpoint->stats().subscriptions.get() == 0; }));
  }());
}

}  // namespace
}  // namespace pulse::mqtt::test
