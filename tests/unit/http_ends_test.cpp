// Who holds what open, and for how long: WebSockets whose peers stall or fall silent, the farewell
// of a stop, bodies of HTTP/1.0, requests that wait while their loop goes.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/http/client.hpp"
#include "raw_client.hpp"

namespace pulse::http {
namespace {

using test::RawClient;
using test::ServerOnLoop;

Task<> flood(WebSocket& socket) {
  const std::string data(60'000, 'x');
  while (true) co_await socket.write(data);
}
Task<> echo(WebSocket& socket) {
  while (auto frame = co_await socket.read()) co_await socket.write(std::move(frame->data));
}
Task<> two_pieces(BodyWriter& body) {
  co_await body.write("one ");
  co_await body.write("two");
}

Task<Response> answer(Request& request) {
  Response response;
  if (request.path == "/flood") response.websocket = flood;
  if (request.path == "/echo" || request.path == "/own-time") response.websocket = echo;
  if (request.path == "/stream") response.stream = two_pieces;
  response.websocket_timeouts = request.path != "/own-time";
  co_return response;
}

void open(RawClient& client, const std::string& path) {
  client.send("GET " + path +
              " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

/// A frame of RFC 6455 from the client; the mask is zero, which leaves the bytes as they are.
std::string frame(char opcode, std::string_view payload) {
  std::string out(1, static_cast<char>(0x80 | opcode));
  out += static_cast<char>(0x80 | payload.size());
  return out.append(4, '\0').append(payload);
}

TEST(HttpEnds, AWebSocketWhosePeerReadsNothingEndsItsWriter) {
  ServerOptions options;
  options.websocket_send_timeout_ms = 100;
  ServerOnLoop server(answer, options);
  RawClient client(server.port(), 4096);
  open(client, "/flood");
  // It is alive as far as anyone can tell: it sends.
  EXPECT_TRUE(server.eventually([&](const auto& s) {
    try {
      client.send(frame(0xA, "pong"));
    } catch (const boost::system::system_error&) {
    }
    return s.connections == 0;
  }));
}

TEST(HttpEnds, ASilentPeerIsCutUnlessTheProtocolInsideKeepsTime) {
  ServerOptions options;
  options.websocket_idle_ping_ms = 50;
  ServerOnLoop server(answer, options);
  RawClient silent(server.port()), other(server.port());
  open(other, "/own-time");
  open(silent, "/echo");
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 1; }));
  other.send(frame(1, "still here"));
  EXPECT_EQ(other.read_exactly(12), "\x81\x0Astill here");
}

TEST(HttpEnds, AStopTellsWebSocketsThatTheServerGoesAway) {
  ServerOnLoop server(answer);
  RawClient client(server.port()), mute(server.port());
  open(client, "/echo");
  open(mute, "/echo");
  std::thread stopping([&] { server.stop(30'000); });
  EXPECT_EQ(client.read_exactly(4), "\x88\x02\x03\xE9");
  client.send(frame(8, "\x03\xE9"));
  EXPECT_TRUE(client.closed());
  stopping.join();  // the one that does not answer is not waited for as long
  EXPECT_EQ(server.stats().connections, 0u);
}

TEST(HttpEnds, ABodyForHttp10IsNotChunked) {
  ServerOnLoop server(answer);
  for (const std::string extra : {"", "Connection: keep-alive\r\n"}) {
    RawClient client(server.port());
    client.send("GET /stream HTTP/1.0\r\nHost: h\r\n" + extra + "\r\n");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos) << head;
    EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos) << head;
    EXPECT_EQ(client.read_all(), "one two");
  }
}

Task<> ask(std::shared_ptr<Client> client, std::string url) {
  co_await client->request(ClientRequest("GET", url));
}

/// A use after free under ASan: coroutines that wait in line were destroyed with the loop, and
/// woken.
TEST(HttpEnds, ALoopMayGoWhileRequestsWaitForAConnection) {
  boost::asio::io_context io{1};
  boost::asio::ip::tcp::acceptor nobody_answers(io,
                                                {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto url =
      "http://127.0.0.1:" + std::to_string(nobody_answers.local_endpoint().port()) + "/";
  {
    boost::asio::io_context own{1};
    auto client = std::make_shared<Client>(own.get_executor(), ClientOptions{2, 60'000});
    for (int i = 0; i < 6; ++i) boost::asio::co_spawn(own, ask(client, url), boost::asio::detached);
    own.poll();
    EXPECT_EQ(client->connections(), 2u);
  }
}

TEST(HttpMessages, NameOnlyMethodsThatAreKnown) {
  EXPECT_EQ(method_label("GET"), "GET");
  EXPECT_EQ(method_label("PATCH"), "PATCH");
  for (const auto* odd : {"WEIRDA", "get", "", "GETT"}) EXPECT_EQ(method_label(odd), "other");
}

TEST(HttpMessages, FindAWordInAList) {
  EXPECT_TRUE(lists("mqtt", "mqtt"));
  EXPECT_TRUE(lists("mqttv3.1, \tMQTT ", "mqtt"));
  EXPECT_FALSE(lists("mqttv3.1", "mqtt"));
  EXPECT_FALSE(lists("", "mqtt"));
  EXPECT_FALSE(lists("x mqtt", "mqtt"));
}

}  // namespace
}  // namespace pulse::http
