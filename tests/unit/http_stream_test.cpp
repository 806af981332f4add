// Answers that are produced while they are sent: exports, server-sent events.
#include <atomic>
#include <stdexcept>

#include "raw_client.hpp"

namespace pulse::http {
namespace {

using test::RawClient;
using test::ServerOnLoop;

constexpr std::string_view ask = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// A server whose every answer is produced by `produce`.
ServerOnLoop::Handler streaming(std::function<Task<>(BodyWriter&)> produce) {
  return [produce](Request&) -> Task<Response> {
    Response response = Response::text(200, "ignored", "text/event-stream");
    response.stream = produce;
    co_return response;
  };
}

Task<> two_events(BodyWriter& out) {
  co_await out.write("data: 1\n\n");
  co_await out.write("");  // would end the body if it became a chunk
  co_await out.write("data: two\n\n");
}

TEST(HttpStream, IsChunkedAndTheConnectionGoesOn) {
  ServerOnLoop server(streaming(two_events));
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(ask);
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(client.read_until("0\r\n\r\n"),
              "9\r\ndata: 1\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n");
  }
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  client.read_until("\r\n\r\n");
  EXPECT_TRUE(client.closed());
}

TEST(HttpStream, ArrivesPieceByPiece) {
  std::atomic<int> allowed = 0;
  ServerOnLoop server(streaming([&](BodyWriter& out) -> Task<> {
    for (int i = 1; i <= 3; ++i) {
      while (allowed < i) co_await sleep_ms(1);
      co_await out.write("data: " + std::to_string(i) + "\n\n");
    }
  }));
  RawClient client(server.port());
  client.send(ask);
  client.read_until("\r\n\r\n");
  for (int i = 1; i <= 3; ++i) {
    allowed = i;
    EXPECT_EQ(client.read_until("\n\n\r\n"), "9\r\ndata: " + std::to_string(i) + "\n\n\r\n");
  }
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
}

TEST(HttpStream, AFaultInTheMiddleShowsAsABrokenBody) {
  ServerOnLoop server(streaming([](BodyWriter& out) -> Task<> {
    co_await out.write("half");
    throw std::runtime_error("the database went away");
  }));
  RawClient client(server.port());
  client.send(ask);
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_all(), "4\r\nhalf\r\n") << "no last chunk";
}

TEST(HttpStream, TellsItsProducerThatTheClientLeft) {
  std::atomic<bool> there = false, gone = false;
  ServerOnLoop server(streaming([&](BodyWriter& out) -> Task<> {
    co_await out.write("data: 1\n\n");
    there = !out.client_gone();
    while (!out.client_gone()) co_await sleep_ms(1);
    gone = true;
  }));
  RawClient client(server.port());
  client.send(ask);
  client.read_until("data: 1\n\n\r\n");
  while (!there) std::this_thread::yield();
  client.close();
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
  EXPECT_TRUE(gone);
}

TEST(HttpStream, EndsTheProducerOfAClientThatReadsNothing) {
  std::atomic<bool> thrown = false, gone = false;
  ServerOptions options;
  options.write_timeout_ms = 50;
  ServerOnLoop server(streaming([&](BodyWriter& out) -> Task<> {
                        const std::string piece(1 << 20, 'x');
                        try {
                          for (int i = 0; i < 1'000; ++i) co_await out.write(piece);
                        } catch (const std::exception&) {
                          thrown = true;
                          gone = out.client_gone();
                          throw;
                        }
                      }),
                      options);
  RawClient client(server.port(), 4'096);
  client.send(ask);
  ASSERT_TRUE(server.eventually([](const auto& s) { return s.requests == 1; }));
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
  EXPECT_TRUE(thrown);
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace pulse::http
