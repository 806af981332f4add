// The endpoint over loopback, with our own client and with raw bytes: connecting, publishing in all
// QoS, refusing, deliveries.
#include "mqtt_fixture.hpp"

namespace pulse::mqtt::test {
namespace {

class BothVersions : public EndpointTest, public ::testing::WithParamInterface<Version> {};

INSTANTIATE_TEST_SUITE_P(Mqtt, BothVersions, ::testing::Values(Version::v311, Version::v5),
                         [](const auto& info) {
                           return info.param == Version::v5 ? std::string("v5")
                                                            : std::string("v311");
                         });

TEST_P(BothVersions, PublishesInAllQos) {
  start();
  run([this]() -> Task<> {
    auto c = client();
    const auto connected = co_await c->connect(options(GetParam()));
    EXPECT_EQ(connected.reason, Reason::success);
    EXPECT_FALSE(connected.session_present);
    for (const auto qos : {Qos::at_most_once, Qos::at_least_once, Qos::exactly_once}) {
      PublishOptions o;
      o.qos = qos;
      o.retain = qos == Qos::at_least_once;
      const auto ack = co_await c->publish("in/t", "hello", o);
      EXPECT_TRUE(ack.ok());
    }
    co_await c->disconnect();
    EXPECT_TRUE(co_await eventually([this] { return ended.size() == 1; }));
  }());
  ASSERT_EQ(received.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(received[i].qos, static_cast<Qos>(i));
    EXPECT_EQ(received[i].topic, "in/t");
    EXPECT_EQ(received[i].payload, "hello");
    EXPECT_EQ(received[i].principal, "ann");
    EXPECT_EQ(received[i].retain, i == 1);
  }
  EXPECT_EQ(ended[0].cause.kind, DisconnectCause::Kind::client);
  EXPECT_EQ(endpoint->stats().publishes_acknowledged.get(), 2u);
  EXPECT_EQ(endpoint->stats().sessions.get(), 0u);
}

TEST_P(BothVersions, RefusesWrongPassword) {
  start();
  run([this]() -> Task<> {
    auto c = client();
    auto o = options(GetParam());
    o.password = "wrong";
    const auto connected = co_await c->connect(o);
    EXPECT_EQ(connected.reason, Reason::bad_user_name_or_password);
    if (GetParam() == Version::v5) {
      EXPECT_EQ(connected.reason_string, "token is not known");
    }
    EXPECT_FALSE(c->connected());
  }());
  EXPECT_TRUE(ended.empty());
}

TEST_P(BothVersions, AcknowledgesManyInOrderAlthoughTheHookCompletesOutOfOrder) {
  on_publish = [](const PublishView& view) -> Task<PublishResult> {
    const int i = std::stoi(std::string(view.payload));
    co_await pause_for(std::chrono::milliseconds(i % 7));
    co_return PublishResult::accept();
  };
  start();
  run([this]() -> Task<> {
    auto c = client();
    co_await c->connect(options(GetParam()));
    std::vector<int> order;
    for (int i = 0; i < 500; ++i) {
      PublishOptions o;
      c->publish("in/t", std::to_string(i), o, [&order, i](const PublishAck& ack) {
        EXPECT_TRUE(ack.ok());
        order.push_back(i);
      });
    }
    EXPECT_TRUE(co_await eventually([&] { return order.size() == 500; }));
    for (int i = 0; i < 500; ++i) EXPECT_EQ(order[i], i);
    co_await c->disconnect();
  }());
  EXPECT_EQ(received.size(), 500u);
}

TEST_P(BothVersions, RejectedMessage) {
  on_publish = [](const PublishView& view) -> Task<PublishResult> {
    if (view.topic == "in/ok") co_return PublishResult::accept();
    co_return PublishResult::reject(Reason::not_authorized, "topic belongs to another device");
  };
  start();
  run([this]() -> Task<> {
    auto c = client();
    co_await c->connect(options(GetParam()));
    auto ack = co_await c->publish("in/other", "x");
    if (GetParam() == Version::v5) {
      EXPECT_FALSE(ack.lost);
      EXPECT_EQ(ack.reason, Reason::not_authorized);
      EXPECT_EQ(ack.reason_string, "topic belongs to another device");
      PublishOptions two;
      two.qos = Qos::exactly_once;
      ack = co_await c->publish("in/other", "x", two);
      EXPECT_EQ(ack.reason, Reason::not_authorized);
      ack = co_await c->publish("in/ok", "x", two);
      EXPECT_TRUE(ack.ok());
      EXPECT_TRUE(c->connected());
    } else {
      EXPECT_TRUE(ack.lost);
      EXPECT_TRUE(co_await eventually([&] { return !c->connected(); }));
      EXPECT_EQ(ended.at(0).cause.kind, DisconnectCause::Kind::rejected);
    }
  }());
}

TEST_P(BothVersions, RejectedMessageMayBeAcknowledgedUnder311) {
  on_publish = [](const PublishView&) -> Task<PublishResult> {
    co_return PublishResult::reject(Reason::not_authorized, "no",
                                    PublishResult::OnV311::acknowledge);
  };
  start();
  run([this]() -> Task<> {
    auto c = client();
    co_await c->connect(options(GetParam()));
    const auto ack = co_await c->publish("in/other", "x");
    EXPECT_EQ(ack.ok(), GetParam() == Version::v311);
    EXPECT_TRUE(c->connected());
  }());
}

TEST_P(BothVersions, UnavailableIsNotAcknowledgedAndClosesTheConnection) {
  on_publish = [](const PublishView& view) -> Task<PublishResult> {
    if (view.payload == "1") co_return PublishResult::accept();
    if (view.payload == "2") throw std::runtime_error("store is down");
    co_return PublishResult::unavailable("store does not answer");
  };
  start();
  run([this]() -> Task<> {
    auto c = client();
    ConnectionEnd end;
    c->on_end([&](const ConnectionEnd& e) { end = e; });
    co_await c->connect(options(GetParam()));
    EXPECT_TRUE((co_await c->publish("in/t", "1")).ok());
    EXPECT_TRUE((co_await c->publish("in/t", "3")).lost);
    EXPECT_TRUE(co_await eventually([&] { return !c->connected(); }));
    if (GetParam() == Version::v5) {
      EXPECT_TRUE(end.by_server_packet);
      EXPECT_EQ(end.reason, Reason::server_busy);
      EXPECT_EQ(end.text, "store does not answer");
    }
    // The same client comes back and repeats; a hook that throws counts as unavailable.
    co_await c->connect(options(GetParam()));
    EXPECT_TRUE((co_await c->publish("in/t", "2")).lost);
    PublishOptions two;
    two.qos = Qos::exactly_once;
    co_await c->connect(options(GetParam()));
    EXPECT_TRUE((co_await c->publish("in/t", "3", two)).lost);
  }());
  EXPECT_EQ(endpoint->stats().publishes_acknowledged.get(), 1u);
  EXPECT_EQ(endpoint->stats().publishes_unavailable.get(), 3u);
  EXPECT_EQ(ended.at(0).cause.kind, DisconnectCause::Kind::unavailable);
}

TEST_P(BothVersions, DeliversToSubscribers) {
  start();
  run([this]() -> Task<> {
    auto c = client();
    std::vector<std::string> got;
    std::vector<Qos> qos;
    c->on_message([&](const ClientMessage& m) {
      got.push_back(std::string(m.topic) + "=" + std::string(m.payload));
      qos.push_back(m.qos);
      if (GetParam() == Version::v5) {
        EXPECT_EQ(m.subscription_identifiers, std::vector<std::uint32_t>{77});
      }
    });
    co_await c->connect(options(GetParam()));
    const std::uint32_t identifier = GetParam() == Version::v5 ? 77 : 0;
    EXPECT_EQ(co_await c->subscribe("out/+/cmd", Qos::exactly_once, identifier),
              Reason::granted_qos2);
    EXPECT_EQ(subscribed, std::vector<std::string>{"out/+/cmd"});
    std::vector<DeliveryOutcome> outcomes;
    const auto done = [&](DeliveryOutcome outcome, Reason) { outcomes.push_back(outcome); };
    for (const auto q : {Qos::at_most_once, Qos::at_least_once, Qos::exactly_once}) {
      Message m;
      m.topic = "out/1/cmd";
      m.payload = "p" + std::to_string(static_cast<int>(q));
      m.qos = q;
      const auto sent = endpoint->deliver("ann", m, done);
      EXPECT_EQ(sent.matched, 1u);
      EXPECT_EQ(sent.taken, 1u);
    }
    Message other;
    other.topic = "out/1/other";
    EXPECT_EQ(endpoint->deliver("ann", other).matched, 0u);
    EXPECT_EQ(endpoint->deliver("bob", other).matched, 0u);
    EXPECT_TRUE(co_await eventually([&] { return outcomes.size() == 3; }));
    EXPECT_EQ(got, (std::vector<std::string>{"out/1/cmd=p0", "out/1/cmd=p1", "out/1/cmd=p2"}));
    EXPECT_EQ(qos, (std::vector<Qos>{Qos::at_most_once, Qos::at_least_once, Qos::exactly_once}));
    EXPECT_EQ(outcomes[1], DeliveryOutcome::acknowledged);
    EXPECT_EQ(outcomes[2], DeliveryOutcome::acknowledged);
    EXPECT_EQ(co_await c->unsubscribe("out/+/cmd"), Reason::success);
    other.topic = "out/1/cmd";
    EXPECT_EQ(endpoint->deliver("ann", other).matched, 0u);
  }());
}

TEST_P(BothVersions, RefusesFilters) {
  start();
  run([this]() -> Task<> {
    auto c = client();
    co_await c->connect(options(GetParam()));
    const bool v5 = GetParam() == Version::v5;
    EXPECT_EQ(co_await c->subscribe("in/secret", Qos::at_least_once),
              v5 ? Reason::not_authorized : Reason::unspecified);
    EXPECT_EQ(co_await c->subscribe("out/#/x", Qos::at_least_once),
              v5 ? Reason::topic_filter_invalid : Reason::unspecified);
    EXPECT_EQ(co_await c->subscribe("$share/g/out/x", Qos::at_least_once),
              v5 ? Reason::shared_subscriptions_not_supported : Reason::unspecified);
    EXPECT_EQ(co_await c->subscribe("out/x", Qos::at_least_once), Reason::granted_qos1);
  }());
}

TEST_P(BothVersions, OutboundQueueIsBoundedAndWindowed) {
  limits.outbound_inflight_max = 4;
  limits.outbound_queue_max = 6;
  start();
  run([this]() -> Task<> {
    auto c = client();
    int got = 0;
    c->on_message([&](const ClientMessage&) { ++got; });
    co_await c->connect(options(GetParam()));
    co_await c->subscribe("out/#", Qos::at_least_once);
    c->hold_acks(true);
    std::size_t taken = 0, lost = 0, acked = 0;
    Message m;
    m.topic = "out/x";
    for (int i = 0; i < 20; ++i) {
      taken += endpoint
                   ->deliver("ann", m,
                             [&](DeliveryOutcome o, Reason) {
                               if (o == DeliveryOutcome::acknowledged) ++acked;
                               if (o == DeliveryOutcome::lost) ++lost;
                             })
                   .taken;
    }
    EXPECT_EQ(taken, 10u);
    co_await pause_for(100ms);
    EXPECT_EQ(got, 4);
    c->hold_acks(false);
    EXPECT_TRUE(co_await eventually([&] { return acked == 10; }));
    EXPECT_EQ(got, 10);
    c->hold_acks(true);
    endpoint->deliver("ann", m, [&](DeliveryOutcome o, Reason) {
      if (o == DeliveryOutcome::lost) ++lost;
    });
    c->abort();
    EXPECT_TRUE(co_await eventually([&] { return lost == 1; }));
  }());
}

TEST_F(EndpointTest, ServesATlsListenerToTrustingClients) {
  // See mqtt_tls_test.cpp; here only that a missing certificate is named.
  start();
  try {
    endpoint->listen_tls("127.0.0.1", 0, {"/nonexistent.pem", "/nonexistent.key", ""});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent.pem"), std::string::npos);
  }
}

}  // namespace
}  // namespace pulse::mqtt::test
