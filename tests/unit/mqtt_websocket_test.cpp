// Streams that somebody else owns: nothing touches them once serve() has returned, whatever was
// under way. The real WebSocket's tests show a use after free under ASan only; the stand-in's
// always.
#include "mqtt_fixture.hpp"
#include "platform/http/server.hpp"
#include "platform/mqtt/websocket_stream.hpp"

namespace pulse::mqtt::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// What a stream under test was asked for; outlives it.
struct Seen {
  bool reading = false, writing = false;
  int closes = 0;
};

/// A stream whose peer reads nothing: a write waits for the close, and ends a while after the read
/// does, as an aborted one of a WebSocket.
class StalledStream final : public Stream {
 public:
  StalledStream(asio::io_context& io, std::string first, Seen& seen)
      : closed_(io, asio::steady_timer::time_point::max()), first_(std::move(first)), seen_(seen) {}

  Task<std::size_t> read_some(std::span<char> buffer) override {
    if (!first_.empty()) {
      const auto n = std::min(buffer.size(), first_.size());
      std::copy_n(first_.data(), n, buffer.data());
      first_.erase(0, n);
      co_return n;
    }
    seen_.reading = true;
    co_await until_closed();
    seen_.reading = false;
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  Task<> write(std::span<const char>) override {
    seen_.writing = true;
    co_await until_closed();
    co_await pause_for(20ms);
    seen_.writing = false;
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  void close() noexcept override {
    ++seen_.closes;
    open_ = false;
    closed_.cancel();
  }
  std::string remote_address() const override { return "127.0.0.1"; }

 private:
  Task<> until_closed() {
    boost::system::error_code ignored;
    if (open_) co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  asio::steady_timer closed_;
  std::string first_;
  Seen& seen_;
  bool open_ = true;
};

class MqttStreamTest : public EndpointTest {
 public:
  Seen seen;
  bool served = false;

  void serve(std::string first) {
    asio::co_spawn(io,
                   endpoint->serve(std::make_unique<StalledStream>(io, std::move(first), seen),
                                   Protocol::websocket),
                   [this](std::exception_ptr) {
                     EXPECT_FALSE(seen.reading);
                     EXPECT_FALSE(seen.writing);
                     served = true;
                   });
  }
};

TEST_F(MqttStreamTest, ServeReturnsAfterTheWriteThatAnEndAborted) {
  limits.write_stall_timeout = 100ms;
  start();
  run([](MqttStreamTest& t) -> Task<> {
    t.serve(connect_bytes(Version::v5));  // the CONNACK is never taken
    EXPECT_TRUE(co_await eventually([&] { return t.served; }));
  }(*this));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].cause.kind, DisconnectCause::Kind::write_stall);
}

TEST_F(MqttStreamTest, ServeReturnsAfterTheWriteThatAStopAborted) {
  start();
  run([](MqttStreamTest& t) -> Task<> {
    t.serve(connect_bytes(Version::v311));
    EXPECT_TRUE(co_await eventually([&] { return t.seen.writing && t.seen.reading; }));
    co_await t.endpoint->stop(100ms);
    EXPECT_TRUE(co_await eventually([&] { return t.served; }));
  }(*this));
}

TEST_F(MqttStreamTest, ASessionThatOnlyItsHookKeepsLeavesTheStreamAlone) {
  limits.linger = 100ms;
  bool release = false;
  on_publish = [&release](const PublishView&) -> Task<PublishResult> {
    co_await eventually([&release] { return release; });
    co_return PublishResult::accept();
  };
  start();
  run([](MqttStreamTest& t, bool& let_go) -> Task<> {
    t.serve(connect_bytes(Version::v311) +
            publish_bytes(Version::v311, "a", "x", Qos::at_least_once, 1));
    EXPECT_TRUE(co_await eventually([&] { return t.received.size() == 1 && t.seen.reading; }));
    t.endpoint->disconnect([](const SessionInfo&) { return true; }, Reason::not_authorized, "");
    EXPECT_TRUE(co_await eventually([&] { return t.served; }));
    const int closes = t.seen.closes;
    co_await t.endpoint->stop(0ms);
    EXPECT_EQ(t.seen.closes, closes);
    let_go = true;
    EXPECT_TRUE(
        co_await eventually([&] { return t.endpoint->stats().inflight_messages.get() == 0; }));
  }(*this, release));
}

/// One WebSocket of a real server, by a client that speaks bytes.
class MqttWebSocket : public EndpointTest {
 public:
  std::unique_ptr<http::Server> server;
  int served = 0;

  void start_server() {
    start();
    http::ServerHandlers handlers;
    handlers.handle = [this](http::Request&) { return upgrade(); };
    handlers.body_limit = [](auto, auto) { return std::size_t{1024}; };
    server = std::make_unique<http::Server>(io, http::ServerOptions{}, std::move(handlers));
    server->start();
  }
  Task<> serve(http::WebSocket& socket) {
    co_await endpoint->serve(make_websocket_stream(socket, "127.0.0.1"), Protocol::websocket);
    ++served;
  }

 private:
  Task<http::Response> upgrade() {
    http::Response response;
    response.subprotocol = "mqtt";
    response.websocket = [this](http::WebSocket& socket) { return serve(socket); };
    co_return response;
  }
};

/// A frame of RFC 6455 as a client sends it; the mask is zero, which leaves the bytes as they are.
std::string frame(std::string_view payload) {
  std::string out = "\x82";
  out += static_cast<char>(0x80 | payload.size());
  out.append(4, '\0').append(payload);
  return out;
}

/// Connects, subscribes, and takes no more than the answers to that.
Task<> open_stalled(MqttWebSocket& t, tcp::socket& socket) {
  socket.open(tcp::v4());
  socket.set_option(asio::socket_base::receive_buffer_size(4096));
  co_await socket.async_connect({asio::ip::make_address("127.0.0.1"), t.server->port()},
                                asio::use_awaitable);
  Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.entries.emplace_back();
  subscribe.entries.back().filter = "out/x";
  std::string packet;
  encode(packet, Version::v5, subscribe);
  const std::string bytes =
      "GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
  std::string answer(512, '\0');
  co_await socket.async_read_some(asio::buffer(answer), asio::use_awaitable);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101"));
  const std::string frames = frame(connect_bytes(Version::v5)) + frame(packet);
  co_await asio::async_write(socket, asio::buffer(frames), asio::use_awaitable);
  EXPECT_TRUE(co_await eventually([&] { return t.subscribed.size() == 1; }));
  // Until the sockets' buffers are full and a write is pending.
  Message message;
  message.topic = "out/x";
  message.qos = Qos::at_most_once;
  message.payload = std::string(60'000, 'x');
  std::uint64_t taken = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {
    while (t.endpoint->deliver_to_all(message).taken == 1) {
    }
    co_await pause_for(10ms);
    const auto out = t.endpoint->stats().bytes_out.get();
    if (out != taken) quiet = 0;
    taken = out;
  }
}

TEST_F(MqttWebSocket, AReaderThatStallsEndsWithItsWrite) {
  limits.write_stall_timeout = 500ms;
  start_server();
  run([](MqttWebSocket& t) -> Task<> {
    tcp::socket socket(t.io);
    co_await open_stalled(t, socket);
    EXPECT_TRUE(co_await eventually([&] { return t.served == 1; }));
    EXPECT_TRUE(co_await eventually([&] { return t.server->stats().connections == 0; }));
  }(*this));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].cause.kind, DisconnectCause::Kind::write_stall);
}

TEST_F(MqttWebSocket, AStopEndsAPendingWrite) {
  start_server();
  run([](MqttWebSocket& t) -> Task<> {
    tcp::socket socket(t.io);
    co_await open_stalled(t, socket);
    co_await t.endpoint->stop(50ms);
    EXPECT_TRUE(co_await eventually([&] { return t.served == 1; }));
    co_await t.server->stop(50);
    EXPECT_EQ(t.server->stats().connections, 0u);
  }(*this));
}

}  // namespace
}  // namespace pulse::mqtt::test
