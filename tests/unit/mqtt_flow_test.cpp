// Flow control and endings: back-pressure, bursts, slow readers, graceful stop, foreign streams.
#include <deque>

#include "mqtt_fixture.hpp"

namespace pulse::mqtt::test {
namespace {

using namespace std::string_literals;
using MqttFlow = EndpointTest;

/// Lets a hook wait until the test opens it.
struct Gate {
  bool is_open = false;
  Task<> wait() {
    while (!is_open) co_await pause_for(5ms);
  }
};

/// Pushes publishes until the socket takes no more; answers the bytes that it took.
Task<std::size_t> flood(EndpointTest& test, Version version, Qos qos, std::size_t payload_bytes) {
  boost::asio::ip::tcp::socket socket(test.io);
  co_await socket.async_connect({boost::asio::ip::make_address("127.0.0.1"), test.port},
                                boost::asio::use_awaitable);
  auto bytes = connect_bytes(version, "flood");
  for (std::uint16_t id = 1; id <= 1000; ++id) {
    bytes += publish_bytes(version, "in/x", std::string(payload_bytes, 'x'), qos, id);
  }
  socket.non_blocking(true);
  std::size_t taken = 0;
  for (int idle = 0; idle < 40;) {
    boost::system::error_code error;
    const auto from = taken % bytes.size();
    const auto n = socket.write_some(boost::asio::buffer(bytes) + from, error);
    if (error && error != boost::asio::error::would_block) break;
    idle = n == 0 ? idle + 1 : 0;
    taken += n;
    if (taken > 256 * 1024 * 1024) break;
    if (n == 0) co_await pause_for(5ms);
  }
  // What the hook has is what the endpoint keeps.
  const auto& stats = test.endpoint->stats();
  EXPECT_LE(stats.inflight_bytes.get(), test.limits.inflight_bytes_max + 70'000);
  EXPECT_EQ(stats.paused.get(), 1u);
  co_return taken;
}

TEST_F(MqttFlow, AHookThatNeverCompletesStopsReading) {
  Gate gate;
  on_publish = [&gate](const PublishView&) -> Task<PublishResult> {
    co_await gate.wait();
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    for (const auto qos : {Qos::at_most_once, Qos::at_least_once}) {
      received.clear();
      gate.is_open = false;
      const auto taken = co_await flood(*this, Version::v311, qos, 1000);
      // A few MiB fit in the kernel's buffers; no more is taken.
      EXPECT_LT(taken, 32u * 1024 * 1024);
      EXPECT_LT(received.size(), 300u);
      gate.is_open = true;
      EXPECT_TRUE(
          co_await eventually([&] { return endpoint->stats().inflight_messages.get() == 0; }));
    }
  }());
}

TEST_F(MqttFlow, SmallMessagesStopAtTheWindow) {
  Gate gate;
  limits.receive_maximum = 50;
  on_publish = [&gate](const PublishView&) -> Task<PublishResult> {
    co_await gate.wait();
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    co_await flood(*this, Version::v311, Qos::at_least_once, 10);
    EXPECT_EQ(received.size(), 50u);
    gate.is_open = true;
    EXPECT_TRUE(
        co_await eventually([&] { return endpoint->stats().inflight_messages.get() == 0; }));
  }());
}

TEST_F(MqttFlow, TheBoundOverAllConnectionsHoldsAndResumes) {
  Gate gate;
  limits.inflight_bytes_total_max = 40'000;
  on_publish = [&gate](const PublishView&) -> Task<PublishResult> {
    co_await gate.wait();
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    std::vector<std::unique_ptr<Client>> clients;
    std::size_t acked = 0;
    for (int c = 0; c < 10; ++c) {
      clients.push_back(client());
      co_await clients.back()->connect(options(Version::v5, "c" + std::to_string(c)));
      for (int i = 0; i < 100; ++i) {
        clients.back()->publish("in/x", std::string(500, 'x'), PublishOptions(),
                                [&](const PublishAck& ack) { acked += ack.ok() ? 1 : 0; });
      }
    }
    EXPECT_TRUE(co_await eventually([&] { return endpoint->stats().paused.get() == 10; }));
    EXPECT_LT(endpoint->stats().inflight_bytes.get(), 60'000u);
    gate.is_open = true;
    EXPECT_TRUE(co_await eventually([&] { return acked == 1000; }));
    EXPECT_EQ(endpoint->stats().paused.get(), 0u);
  }());
  EXPECT_EQ(received.size(), 1000u);
}

TEST_F(MqttFlow, PausedClientsAreNotTakenForSilent) {
  Gate gate;
  limits.receive_maximum = 1;
  on_publish = [&gate](const PublishView&) -> Task<PublishResult> {
    co_await gate.wait();
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    RawPeer peer(io, port);
    co_await peer.open();
    co_await peer.send(connect_bytes(Version::v311, "p", 1) +
                       publish_bytes(Version::v311, "in/x", "y", Qos::at_least_once, 1));
    co_await pause_for(2500ms);
    EXPECT_TRUE(ended.empty());
    gate.is_open = true;
    EXPECT_EQ(co_await peer.receive(8), "\x20\x02\x00\x00\x40\x02\x00\x01"s);
  }());
}

TEST_F(MqttFlow, BurstOfFiftyThousand) {
  int count = 0;
  on_publish = [&count](const PublishView&) -> Task<PublishResult> {
    if (++count % 100 == 0) co_await pause_for(1ms);
    co_return PublishResult::accept();
  };
  start();
  run(
      [&]() -> Task<> {
        auto c = client();
        co_await c->connect(options(Version::v5));
        std::size_t acked = 0;
        for (int i = 0; i < 50'000; ++i) {
          c->publish("in/x", std::to_string(i), PublishOptions(),
                     [&](const PublishAck& ack) { acked += ack.ok() ? 1 : 0; });
        }
        EXPECT_TRUE(co_await eventually([&] { return acked == 50'000; }, 50s));
        co_await c->disconnect();
      }(),
      60s);
  ASSERT_EQ(received.size(), 50'000u);
  for (int i = 0; i < 50'000; i += 777) EXPECT_EQ(received[i].payload, std::to_string(i));
}

TEST_F(MqttFlow, AClientThatDoesNotReadIsBoundedAndCut) {
  limits.write_stall_timeout = 500ms;
  start();
  run([&]() -> Task<> {
    RawPeer peer(io, port);
    co_await peer.open();
    Subscribe subscribe;
    subscribe.packet_id = 1;
    subscribe.entries.push_back({"out/#", Qos::at_most_once});
    std::string bytes = connect_bytes(Version::v5);
    encode(bytes, Version::v5, subscribe);
    co_await peer.send(bytes);
    EXPECT_TRUE(co_await eventually([&] { return subscribed.size() == 1; }));
    Message m;
    m.topic = "out/x";
    m.payload = std::string(10'000, 'x');
    m.qos = Qos::at_most_once;
    std::size_t taken = 0, refused = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto sent = endpoint->deliver("ann", m);
      (sent.taken != 0 ? taken : refused) += 1;
      if (i % 50 == 0) co_await pause_for(1ms);
    }
    EXPECT_GT(refused, 0u);
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[0].cause.kind, DisconnectCause::Kind::write_stall);
  }());
}

TEST_F(MqttFlow, StopAcknowledgesWhatIsUnderWayAndSaysGoodbye) {
  on_publish = [](const PublishView& view) -> Task<PublishResult> {
    co_await pause_for(view.payload == "slow" ? 200ms : 60s);
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    auto quick = client(), stuck = client(), idle = client();
    ConnectionEnd quick_end, stuck_end, idle_end;
    quick->on_end([&](const ConnectionEnd& e) { quick_end = e; });
    stuck->on_end([&](const ConnectionEnd& e) { stuck_end = e; });
    idle->on_end([&](const ConnectionEnd& e) { idle_end = e; });
    co_await quick->connect(options(Version::v5, "quick"));
    co_await stuck->connect(options(Version::v5, "stuck"));
    co_await idle->connect(options(Version::v5, "idle"));
    PublishAck quick_ack, stuck_ack;
    quick->publish("in/x", "slow", PublishOptions(), [&](const PublishAck& a) { quick_ack = a; });
    stuck->publish("in/x", "never", PublishOptions(), [&](const PublishAck& a) { stuck_ack = a; });
    co_await eventually([&] { return received.size() == 2; });
    const auto began = std::chrono::steady_clock::now();
    co_await endpoint->stop(500ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms);
    co_await pause_for(20ms);
    EXPECT_FALSE(quick_ack.lost);
    EXPECT_TRUE(stuck_ack.lost);
    for (const auto& end : {quick_end, stuck_end, idle_end}) {
      EXPECT_TRUE(end.by_server_packet);
      EXPECT_EQ(end.reason, Reason::server_shutting_down);
    }
    EXPECT_EQ(endpoint->stats().connections.get(), 1u);  // still with the hook that never ends
    bool refused = false;
    try {
      co_await idle->connect(options(Version::v5, "late"));
    } catch (const boost::system::system_error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  }());
  for (const auto& e : ended) EXPECT_EQ(e.cause.kind, DisconnectCause::Kind::shutdown);
}

TEST_F(MqttFlow, ConnectionsAreLimited) {
  limits.connections_max = 2;
  start();
  run([&]() -> Task<> {
    auto a = client(), b = client(), c = client();
    co_await a->connect(options(Version::v5, "a"));
    co_await b->connect(options(Version::v5, "b"));
    bool refused = false;
    try {
      co_await c->connect(options(Version::v5, "c"));
    } catch (const boost::system::system_error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    co_await a->disconnect();
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 1; }));
    EXPECT_EQ((co_await c->connect(options(Version::v5, "c"))).reason, Reason::success);
  }());
}

/// A Stream over a TCP socket that hands out bytes in awkward pieces, as WebSocket frames do.
class PieceStream : public Stream {
 public:
  explicit PieceStream(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  Task<std::size_t> read_some(std::span<char> buffer) override {
    boost::system::error_code error;
    const auto n = co_await socket_.async_read_some(
        boost::asio::buffer(buffer.data(), std::min<std::size_t>(buffer.size(), 7)),
        boost::asio::redirect_error(boost::asio::use_awaitable, error));
    if (error == boost::asio::error::eof) co_return 0;
    if (error) throw boost::system::system_error(error);
    co_return n;
  }
  Task<> write(std::span<const char> bytes) override {
    co_await boost::asio::async_write(socket_, boost::asio::buffer(bytes.data(), bytes.size()),
                                      boost::asio::use_awaitable);
  }
  void close() noexcept override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  std::string remote_address() const override { return "192.0.2.7"; }

 private:
  boost::asio::ip::tcp::socket socket_;
};

TEST_F(MqttFlow, ServesForeignStreams) {
  start();
  run([&]() -> Task<> {
    using boost::asio::ip::tcp;
    tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    bool served = false;
    boost::asio::co_spawn(
        io,
        [&]() -> Task<> {
          auto socket = co_await acceptor.async_accept(boost::asio::use_awaitable);
          auto stream = std::make_unique<PieceStream>(std::move(socket));
          co_await endpoint->serve(std::move(stream), Protocol::websocket, "cert-name");
          served = true;
        },
        boost::asio::detached);
    auto c = client();
    auto o = options(Version::v5);
    o.port = acceptor.local_endpoint().port();
    std::string got;
    c->on_message([&](const ClientMessage& m) { got = m.payload; });
    co_await c->connect(o);
    EXPECT_EQ(sessions.at(0).info().remote_address, "192.0.2.7");
    EXPECT_EQ(sessions.at(0).info().protocol, Protocol::websocket);
    for (const auto qos : {Qos::at_most_once, Qos::at_least_once, Qos::exactly_once}) {
      EXPECT_TRUE((co_await c->publish("in/x", std::string(5000, 'x'), qos)).ok());
    }
    co_await c->subscribe("out/#", Qos::at_least_once);
    Message m;
    m.topic = "out/x";
    m.payload = std::string(20'000, 'y');
    endpoint->deliver("ann", m);
    EXPECT_TRUE(co_await eventually([&] { return got == m.payload; }));
    co_await c->disconnect();
    EXPECT_TRUE(co_await eventually([&] { return served; }));
  }());
  EXPECT_EQ(received.size(), 3u);
}

TEST_F(MqttFlow, HooksMayOutliveTheirConnection) {
  Gate gate;
  on_publish = [&gate](const PublishView& view) -> Task<PublishResult> {
    co_await gate.wait();
    EXPECT_EQ(view.payload, "the bytes are still here");
    co_return PublishResult::accept();
  };
  start();
  run([&]() -> Task<> {
    auto c = client();
    co_await c->connect(options(Version::v5));
    c->publish("in/x", "the bytes are still here", PublishOptions(), [](const PublishAck&) {});
    EXPECT_TRUE(co_await eventually([&] { return received.size() == 1; }));
    c->abort();
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 1; }));
    gate.is_open = true;
    EXPECT_TRUE(co_await eventually([&] { return endpoint->stats().connections.get() == 0; }));
  }());
}

}  // namespace
}  // namespace pulse::mqtt::test
