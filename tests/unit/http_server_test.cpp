// The HTTP server on real sockets: framing, limits, time limits, the end.
#include <atomic>

#include "raw_client.hpp"

namespace pulse::http {
namespace {

using test::RawClient;
using test::ServerOnLoop;

Task<Response> echo(Request& r) {
  std::string text = r.method + " " + r.path;
  for (const auto& [name, value] : r.query) text += " " + name + "=" + value;
  if (!r.body.empty()) text += " [" + r.body + "]";
  text += " @" + std::string(r.headers.get("Host"));
  co_return Response::text(200, text);
}

/// The answer's text, or the whole answer where it is no 200.
std::string text_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return answer.starts_with("HTTP/1.1 200 ") ? answer.substr(end + 4) : answer;
}

TEST(HttpServer, AnswersInOrderOnOneConnection) {
  ServerOnLoop server(echo);
  RawClient client(server.port());
  client.send(
      "GET /a?x=1&y=a+b%21 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
      "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "GET /a x=1 y=a b! @h");
  EXPECT_EQ(text_of(client.read_answer()), "POST /b [body] @h");
  EXPECT_EQ(text_of(client.read_answer()), "GET /c @h");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(server.stats().requests, 3u);
}

TEST(HttpServer, TakesAbsoluteForms) {
  ServerOnLoop server(echo);
  RawClient client(server.port());
  // RFC 9112, 3.2.2: a server must accept it, and its authority goes before the Host field.
  client.send("GET http://example.org:8080/a/b?x=1 HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "GET /a/b x=1 @example.org:8080");
  client.send("GET HTTPS://example.org?x=2 HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "GET / x=2 @example.org");
  client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "OPTIONS * @h");
}

TEST(HttpServer, SaysGoOnBeforeTheBody) {
  ServerOnLoop server(echo);
  RawClient client(server.port());
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(text_of(client.read_answer()), "POST /x [hello] @h");
  // What would be refused anyway is refused without asking for it.
  client.send(
      "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, ReadsChunksUpToTheLimit) {
  ServerOnLoop server(echo);
  const std::string head = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient client(server.port());
  client.send(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "POST /x [abcde] @h");
  client.send(head + "3e9\r\n" + std::string(1'001, 'x') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 413 "));
}

TEST(HttpServer, ReadsNoMoreLargeBodiesAtOnceThanItHasRoomFor) {
  ServerOptions options;
  options.large_body_bytes = 1'000'000;
  options.large_bodies_bytes = 3'000'000;
  ServerOnLoop server(echo, options, 8'000'000);
  const std::string head = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n";
  RawClient first(server.port()), second(server.port()), small(server.port());
  first.send(
      "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(first.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  second.send(head);
  EXPECT_TRUE(second.read_answer().starts_with("HTTP/1.1 503 "));
  small.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(text_of(small.read_answer()), "POST /x [body] @h");
  first.send(std::string(2'000'000, 'x'));
  EXPECT_TRUE(first.read_answer().starts_with("HTTP/1.1 200 "));
  // The room is free again.
  RawClient third(server.port());
  third.send(head + std::string(2'000'000, 'x'));
  EXPECT_TRUE(third.read_answer().starts_with("HTTP/1.1 200 "));
}

/// Lets in who says please.
Task<std::optional<Response>> asks_please(Request& head) {
  if (head.headers.find("Please")) co_return std::nullopt;
  co_return Response::text(401, "no");
}

TEST(HttpServer, RefusesByTheHeadWithTheBodyUnread) {
  ServerOptions options;
  options.linger_ms = 50;
  ServerOnLoop server(echo, options, 100'000'000, asks_please);
  for (const std::string more : {"Content-Length: 90000000\r\n", "Transfer-Encoding: chunked\r\n",
                                 "Content-Length: 5\r\nExpect: 100-continue\r\n"}) {
    RawClient client(server.port());
    client.send("POST /x HTTP/1.1\r\nHost: h\r\n" + more + "\r\n");
    const auto answer = client.read_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
    EXPECT_TRUE(client.closed());
  }
  RawClient polite(server.port());
  polite.send(
      "POST /x HTTP/1.1\r\nHost: h\r\nPlease: 1\r\nContent-Length: 5\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(polite.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  polite.send("hello");
  EXPECT_EQ(text_of(polite.read_answer()), "POST /x [hello] @h");
}

TEST(HttpServer, ReadsASmallRefusedBodyAwayAndGoesOn) {
  ServerOptions options;
  options.dropped_body_bytes = 10;
  options.linger_ms = 50;
  ServerOnLoop server(echo, options, 1'000, asks_please);
  RawClient client(server.port());
  // What looks like a request in the body is none.
  client.send(
      "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nGET / HTTP"
      "POST /y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 401 "));
  client.send("abcGET /z HTTP/1.1\r\nHost: h\r\nPlease: 1\r\n\r\n");
  EXPECT_EQ(text_of(client.read_answer()), "GET /z @h");
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nnine b");
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(client.closed());  // the rest does not come
}

TEST(HttpServer, RefusesWhatIsNoRequest) {
  ServerOptions options;
  options.header_bytes = 1'000;
  ServerOnLoop server(echo, options);
  const std::string host = " HTTP/1.1\r\nHost: h\r\n";
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, std::string>>{
           {"\x16\x03\x01\x02\r\n\r\n", "400"},
           {"GET /\r\n\r\n", "400"},
           {"GET / HTTP/9.9\r\n\r\n", "400"},
           {"GET /" + host + "Bad Name: x\r\n\r\n", "400"},
           {"POST /" + host + "Content-Length: -1\r\n\r\n", "400"},
           {"POST /" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
           {"POST /" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
           {"GET /" + host + "A: " + std::string(2'000, 'x') + "\r\n\r\n", "431"},
           {"POST /" + host + "Content-Length: 99999999999\r\n\r\n", "413"}}) {
    RawClient client(server.port());
    client.send(bytes);
    EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 " + status)) << bytes.substr(0, 80);
  }
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST(HttpServer, ClosesWhoIsIdle) {
  ServerOptions options;
  options.idle_timeout_ms = 50;
  options.linger_ms = 50;
  ServerOnLoop server(echo, options);
  RawClient idle(server.port());
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(text_of(idle.read_answer()), "GET / @h");
  EXPECT_TRUE(idle.closed());
  RawClient silent(server.port());
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(server.stats().timeouts, 0u) << "an idle connection that ends is none";
}

TEST(HttpServer, ClosesWhoIsTooSlow) {
  ServerOptions options;
  options.header_timeout_ms = options.body_timeout_ms = 50;
  options.linger_ms = 50;
  ServerOnLoop server(echo, options);
  RawClient in_header(server.port());
  in_header.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_TRUE(in_header.closed());
  RawClient in_body(server.port());
  in_body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_TRUE(in_body.closed());
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.timeouts == 2; }));
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
}

TEST(HttpServer, ItsLastAnswerArrivesThoughTheClientGoesOnSending) {
  ServerOptions options;
  options.linger_ms = 10'000;
  ServerOnLoop server(echo, options);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
  client.send(std::string(9'000'000, 'x'));  // a reset would fail it, and drop what was answered
  EXPECT_TRUE(client.read_answer().starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, AcceptsNoMoreThanItsLimit) {
  ServerOptions options;
  options.connections = 2;
  ServerOnLoop server(echo, options);
  const std::string ask = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  RawClient one(server.port()), two(server.port());
  one.send(ask);
  two.send(ask);
  EXPECT_EQ(text_of(one.read_answer()), "GET / @h");
  EXPECT_EQ(text_of(two.read_answer()), "GET / @h");
  RawClient three(server.port());
  EXPECT_TRUE(three.closed());
  EXPECT_EQ(server.stats().refused, 1u);
  one.close();
  ASSERT_TRUE(server.eventually([](const auto& s) { return s.connections == 1; }));
  RawClient four(server.port());
  four.send(ask);
  EXPECT_EQ(text_of(four.read_answer()), "GET / @h");
  two.send(ask);
  EXPECT_EQ(text_of(two.read_answer()), "GET / @h");
}

TEST(HttpServer, CutsAClientThatReadsNothing) {
  ServerOptions options;
  options.write_timeout_ms = 50;
  ServerOnLoop server(
      [](Request&) -> Task<Response> { co_return Response::text(200, std::string(32 << 20, 'x')); },
      options);
  RawClient client(server.port(), 4'096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server.eventually([](const auto& s) { return s.requests == 1; }));
  EXPECT_TRUE(server.eventually([](const auto& s) { return s.connections == 0; }));
  EXPECT_LT(client.read_all().size(), std::size_t{32} << 20);
}

TEST(HttpServer, KeepsHeadersOnTheirLine) {
  ServerOnLoop server([](Request& r) -> Task<Response> {
    auto response = Response::text(200, "x");
    response.with("X-Seen", "a\r\nSet-Cookie: evil=1").with("X-Id", std::string(r.peer_address));
    co_return response;
  });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = client.read_answer();
  EXPECT_NE(answer.find("X-Seen: a\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("evil"), std::string::npos);
  EXPECT_NE(answer.find("X-Id: 127.0.0.1\r\n"), std::string::npos);
}

TEST(HttpServer, SendsNoBodyWhereNoneMayBe) {
  ServerOnLoop server([](Request& r) -> Task<Response> {
    // What a handler leaves in it would be read as the beginning of the next answer.
    co_return Response::text(r.path == "/none" ? 204 : r.path == "/same" ? 304 : 200, "text");
  });
  RawClient client(server.port());
  client.send("HEAD /text HTTP/1.1\r\nHost: h\r\n\r\n");
  auto head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 4\r\n"), std::string::npos);
  for (const auto* path : {"/none", "/same"}) {
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 ")) << head;
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  }
}

TEST(HttpServer, LetsRequestsEndWhenItStops) {
  std::atomic<bool> go_on = false, entered = false;
  ServerOnLoop server([&](Request& r) -> Task<Response> {
    entered = r.path == "/slow" || entered;
    while (r.path == "/slow" && !go_on) co_await sleep_ms(2);
    co_return Response::text(200, r.path);
  });
  RawClient idle(server.port()), busy(server.port());
  idle.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(text_of(idle.read_answer()), "/a");
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!entered) std::this_thread::yield();
  std::thread stopping([&] { server.stop(10'000); });
  EXPECT_TRUE(idle.closed());
  go_on = true;
  const auto answer = busy.read_answer();
  EXPECT_EQ(text_of(answer), "/slow");
  EXPECT_TRUE(busy.closed());
  stopping.join();
  EXPECT_EQ(server.stats().connections, 0u);
}

TEST(HttpServer, CutsWhatDoesNotEndWhenItStops) {
  std::atomic<bool> entered = false;
  ServerOnLoop server([&](Request&) -> Task<Response> {
    entered = true;
    co_await sleep_ms(3'600'000);
    co_return Response::text(200, "late");
  });
  RawClient busy(server.port());
  busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!entered) std::this_thread::yield();
  server.stop(20);
  EXPECT_TRUE(busy.closed());
}

}  // namespace
}  // namespace pulse::http
