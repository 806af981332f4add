// Accepted WebSockets (RFC 6455), against frames written byte by byte.
#include <mutex>
#include <vector>

#include "raw_client.hpp"

namespace pulse::http {
namespace {

using test::RawClient;
using test::ServerOnLoop;

enum Opcode : unsigned char { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// A client's frame: masked, as it must be.
std::string frame(Opcode opcode, std::string_view data, bool last = true, bool masked = true) {
  std::string out(1, static_cast<char>((last ? 0x80 : 0) | opcode));
  const char mask_bit = masked ? '\x80' : '\0';
  if (data.size() < 126) {
    out += static_cast<char>(mask_bit | static_cast<char>(data.size()));
  } else {
    out += static_cast<char>(mask_bit | 126);
    out += static_cast<char>(data.size() >> 8);
    out += static_cast<char>(data.size() & 255);
  }
  if (!masked) return out.append(data);
  constexpr char mask[] = {1, 2, 3, 4};
  out.append(mask, 4);
  for (std::size_t i = 0; i < data.size(); ++i) out += static_cast<char>(data[i] ^ mask[i % 4]);
  return out;
}

/// A server's frame as "opcode:data"; "" at the end of the connection.
std::string read_frame(RawClient& client) {
  const auto head = client.read_exactly(2);
  if (head.size() < 2) return "";
  std::size_t size = static_cast<unsigned char>(head[1]);
  if (size == 126) {
    const auto more_size = client.read_exactly(2);
    size =
        static_cast<unsigned char>(more_size[0]) * 256u + static_cast<unsigned char>(more_size[1]);
  }
  return std::to_string(head[0] & 15) + ":" + client.read_exactly(size);
}

/// The status of a server's close frame; 0 when it sent another one or none.
int closed_with(RawClient& client) {
  const auto got = read_frame(client);
  if (!got.starts_with("8:") || got.size() < 4) return 0;
  return static_cast<unsigned char>(got[2]) * 256 + static_cast<unsigned char>(got[3]);
}

struct WebSocketTest : testing::Test {
  std::mutex mutex;
  std::vector<std::string> heard;
  bool ended = false;

  Task<> talk(WebSocket& socket) {
    while (auto message = co_await socket.read()) {
      remember((message->text ? "text " : "binary ") + message->data);
      if (message->data == "bye") {
        co_await socket.close(1001, "going");
        break;
      }
      co_await socket.write("echo " + message->data, message->text);
    }
    const std::lock_guard lock(mutex);
    ended = !socket.open();
  }
  void remember(std::string what) {
    const std::lock_guard lock(mutex);
    heard.push_back(std::move(what));
  }
  std::vector<std::string> what_was_heard() {
    const std::lock_guard lock(mutex);
    return heard;
  }
  Task<Response> answer(Request& r) {
    Response response;
    if (r.path == "/plain") co_return Response::text(200, "plain");
    response.websocket = [this](WebSocket& socket) { return talk(socket); };
    response.websocket_max_message_bytes = 100;
    if (r.headers.get("Sec-WebSocket-Protocol") == "mqtt") response.subprotocol = "mqtt";
    co_return response;
  }
  ServerOnLoop server{[this](Request& r) { return answer(r); }};

  std::string handshake(RawClient& client, const std::string& extra = "") {
    client.send(
        "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        extra + "\r\n");
    return client.read_until("\r\n\r\n");
  }
  /// The server's last frame is `status`, then it closes, and its handler knows.
  void expect_end(RawClient& client, int status) {
    EXPECT_EQ(closed_with(client), status);
    client.send(frame(close, std::string("\x03\xe8", 2)));
    EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
    EXPECT_EQ(server.stats().websockets, 0u);
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(ended);
  }
};

TEST_F(WebSocketTest, AcceptsAsTheStandardSays) {
  RawClient client(server.port());
  const auto head = handshake(client, "Sec-WebSocket-Protocol: mqtt\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << "RFC 6455, 1.3";
  EXPECT_NE(head.find("Sec-WebSocket-Protocol: mqtt\r\n"), std::string::npos);
  EXPECT_EQ(server.stats().websockets, 1u);
  client.send(frame(text, "a") + frame(binary, "b"));
  EXPECT_EQ(read_frame(client), "1:echo a");
  EXPECT_EQ(read_frame(client), "2:echo b");
}

TEST_F(WebSocketTest, RefusesWhatAsksForNone) {
  RawClient client(server.port());
  client.send("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = client.read_answer();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 426 ")) << answer;
  EXPECT_NE(answer.find("Upgrade: websocket\r\n"), std::string::npos);
  RawClient plain(server.port());
  plain.send(
      "GET /plain HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_TRUE(plain.read_answer().ends_with("plain")) << "an upgrade may be ignored";
}

TEST_F(WebSocketTest, PutsFragmentsTogetherWithPingsBetweenThem) {
  RawClient client(server.port());
  handshake(client);
  client.send(frame(text, "one ", false));
  client.send(frame(ping, "are you there"));
  EXPECT_EQ(read_frame(client), "10:are you there");
  client.send(frame(more, "", false) + frame(more, "two "));
  EXPECT_EQ(read_frame(client), "1:echo one two ");
  // A character whose bytes come in two frames.
  client.send(frame(text, "\xc3", false) + frame(more, "\xa9"));
  EXPECT_EQ(read_frame(client), "1:echo \xc3\xa9");
  EXPECT_EQ(what_was_heard(), (std::vector<std::string>{"text one two ", "text \xc3\xa9"}));
}

TEST_F(WebSocketTest, TakesMessagesUpToItsLimit) {
  RawClient client(server.port());
  handshake(client);
  client.send(frame(binary, std::string(100, 'x')));
  EXPECT_EQ(read_frame(client), "2:echo " + std::string(100, 'x'));
  client.send(frame(binary, std::string(101, 'x')));
  expect_end(client, 1009);
  EXPECT_EQ(what_was_heard().size(), 1u);
}

TEST_F(WebSocketTest, CountsFragmentsTogether) {
  RawClient client(server.port());
  handshake(client);
  client.send(frame(binary, std::string(60, 'x'), false) + frame(more, std::string(60, 'x')));
  expect_end(client, 1009);
  EXPECT_TRUE(what_was_heard().empty());
}

TEST_F(WebSocketTest, EndsWhoBreaksTheRules) {
  const std::vector<std::pair<std::string, int>> bad{
      {frame(text, "x", true, false), 1002},               // not masked
      {frame(more, "x"), 1002},                            // continues nothing
      {frame(text, "x", false) + frame(text, "y"), 1002},  // begins twice
      {frame(ping, std::string(126, 'x')), 1002},          // control frames are short
      {frame(static_cast<Opcode>(3), "x"), 1002},          // no such opcode
      {frame(static_cast<Opcode>(0x41), "x"), 1002},       // a reserved bit
      {frame(text, "\xff"), 1007}};                        // text that is no UTF-8
  for (const auto& [bytes, status] : bad) {
    RawClient client(server.port());
    handshake(client);
    client.send(bytes);
    expect_end(client, status);
  }
  EXPECT_TRUE(what_was_heard().empty());
}

TEST_F(WebSocketTest, ClosesInOrderFromEitherSide) {
  RawClient client(server.port());
  handshake(client);
  client.send(frame(close, std::string("\x03\xe8", 2) + "done"));
  expect_end(client, 1000);
  ended = false;
  RawClient other(server.port());
  handshake(other);
  other.send(frame(text, "bye"));
  const auto last = read_frame(other);
  EXPECT_EQ(last, std::string("8:\x03\xe9", 4) + "going");
  other.send(frame(close, std::string("\x03\xe9", 2)));
  // The server has ended its side; the connection is over when the peers end theirs (RFC
  // 6455, 7.1.1).
  client.close();
  other.close();
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
}

TEST_F(WebSocketTest, NoticesThatThePeerIsGone) {
  RawClient client(server.port());
  handshake(client);
  client.send(frame(text, "half", false));
  client.close();
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(ended);
}

TEST_F(WebSocketTest, IsNotWaitedForAtTheEnd) {
  RawClient client(server.port());
  handshake(client);
  server.stop(10'000);
  EXPECT_EQ(server.stats().connections, 0u);
  client.read_all();  // ends
}

}  // namespace
}  // namespace pulse::http
