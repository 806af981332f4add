// The HTTP clients against the platform's own server and against raw sockets that misbehave.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <thread>

#include "platform/clock.hpp"
#include "platform/http/client.hpp"
#include "platform/http/server.hpp"
#include "platform/loop.hpp"

namespace pulse::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Kind = ClientError::Kind;

struct HttpClientTest : testing::Test {
  asio::io_context io;
  Server server{
      io, {}, {[this](Request& r) { return handle(r); }, [](auto, auto) { return 1 << 20; }}};
  int served = 0;

  HttpClientTest() { server.start(); }

  Task<Response> handle(Request& request) {
    ++served;
    if (request.path == "/slow") co_await sleep_ms(500);
    if (request.path == "/moved") co_return Response::redirect("/echo");
    if (request.path == "/big") co_return Response::text(200, std::string(100'000, 'x'));
    auto response = Response::text(request.path == "/missing" ? 404 : 200,
                                   request.method + " " + request.target + " " + request.body);
    response.with("X-Seen", std::string(request.headers.get("X-Given")));
    co_return response;
  }
  std::string url(std::string path) const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + path;
  }
  /// Runs a coroutine on the test's io_context until it ends.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    std::exception_ptr error;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr e, T value) {
      error = e;
      out = std::move(value);
      io.stop();
    });
    io.restart();
    io.run();
    if (error) std::rethrow_exception(error);
    return std::move(*out);
  }
  template <class F>
  std::optional<Kind> fault(F f) {
    try {
      run(f());
      return std::nullopt;
    } catch (const ClientError& e) {
      return e.kind;
    }
  }
};

TEST_F(HttpClientTest, CarriesMethodTargetHeadersAndBody) {
  Client client(io.get_executor());
  ClientRequest request("POST", url("/echo?a=1"), "hello");
  request.headers.add("X-Given", "yes");
  const auto response = run(client.request(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /echo?a=1 hello");
  EXPECT_EQ(response.headers.get("x-seen"), "yes");
  EXPECT_EQ(run(client.request({"GET", url("/missing")})).status, 404);
  EXPECT_EQ(run(client.request({"DELETE", url("/x")})).body, "DELETE /x ");
  EXPECT_EQ(run(client.request({"HEAD", url("/x")})).body, "");
}

TEST_F(HttpClientTest, KeepsItsConnection) {
  Client client(io.get_executor());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run(client.request({"GET", url("/x")})).status, 200);
  EXPECT_EQ(client.connections(), 1u);
  EXPECT_EQ(server.stats().connections, 1u);
}

TEST_F(HttpClientTest, SharesAFewConnectionsAmongManyRequests) {
  Client client(io.get_executor(), {.max_connections = 3});
  int done = 0;
  for (int i = 0; i < 50; ++i)
    asio::co_spawn(io, client.request({"POST", url("/x"), "b"}),
                   [&](std::exception_ptr error, ClientResponse response) {
                     EXPECT_FALSE(error);
                     EXPECT_EQ(response.status, 200);
                     if (++done == 50) io.stop();
                   });
  io.restart();
  io.run();
  EXPECT_EQ(done, 50);
  EXPECT_LE(client.connections(), 3u);
}

TEST_F(HttpClientTest, GivesUpAtItsTimeout) {
  Client client(io.get_executor());
  ClientRequest request("GET", url("/slow"));
  request.timeout_ms = 100;
  const auto start = steady_ms();
  EXPECT_EQ(fault([&] { return client.request(request); }), Kind::timeout);
  EXPECT_LT(steady_ms() - start, 300);
  EXPECT_EQ(client.connections(), 0u);
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  Client client(io.get_executor());
  ClientRequest request("GET", url("/big"));
  request.max_response_bytes = 99'999;
  EXPECT_EQ(fault([&] { return client.request(request); }), Kind::too_large);
  request.max_response_bytes = 100'000;
  EXPECT_EQ(run(client.request(request)).body.size(), 100'000u);
}

TEST_F(HttpClientTest, SaysWhyThereIsNoAnswer) {
  Client client(io.get_executor());
  EXPECT_EQ(fault([&] { return client.request({"GET", "http://127.0.0.1:1/"}); }), Kind::connect);
  EXPECT_EQ(fault([&] { return client.request({"GET", "https://127.0.0.1/"}); }), Kind::bad_url);
  EXPECT_EQ(fault([&] { return client.request({"GET", "nonsense"}); }), Kind::bad_url);
}

/// A server of one answer per connection, written raw.
Task<> raw_server(tcp::acceptor& acceptor, std::vector<std::string> answers) {
  for (const auto& answer : answers) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::string buffer(4096, '\0');
    co_await socket.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  }
}

TEST_F(HttpClientTest, SurvivesServersThatMisbehave) {
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  const auto target = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::vector<std::string> answers{"SSH-2.0-x\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                                   "",
                                   "HTTP/1.1 100 Continue\r\n\r\n" + ok,
                                   ok,
                                   ok,
                                   ok};
  asio::co_spawn(io, raw_server(acceptor, answers), asio::detached);
  Client client(io.get_executor());
  EXPECT_EQ(fault([&] { return client.request({"GET", target}); }), Kind::malformed);
  EXPECT_EQ(fault([&] { return client.request({"GET", target}); }), Kind::broken);
  EXPECT_EQ(fault([&] { return client.request({"GET", target}); }), Kind::broken);
  EXPECT_EQ(run(client.request({"GET", target})).body, "ok");
  // The server closed the kept connection without saying so: a GET is sent again on a new one, a
  // POST is not.
  EXPECT_EQ(run(client.request({"GET", target})).body, "ok");
  EXPECT_EQ(fault([&] { return client.request({"POST", target, "x"}); }), Kind::broken);
  EXPECT_EQ(run(client.request({"POST", target, "x"})).body, "ok");
}

TEST_F(HttpClientTest, OutboundRefusesAddressesThatOnlyWeCanReach) {
  OutboundClient client(1);
  EXPECT_EQ(fault([&] { return client.get(url("/x")); }), Kind::forbidden);
  EXPECT_EQ(fault([&] { return client.get("http://localhost:" + std::to_string(server.port())); }),
            Kind::forbidden);
  EXPECT_EQ(fault([&] { return client.get("http://[::1]/"); }), Kind::forbidden);
  EXPECT_EQ(fault([&] { return client.get("http://2130706433/"); }), Kind::forbidden);
  EXPECT_EQ(served, 0);
  // A connection that an allowed request opened is not there for one that is not.
  OutboundOptions allowed;
  allowed.allow_private = true;
  EXPECT_EQ(run(client.get(url("/x"), allowed)).status, 200);
  EXPECT_EQ(fault([&] { return client.get(url("/x")); }), Kind::forbidden);
  EXPECT_EQ(served, 1);
}

TEST_F(HttpClientTest, OutboundCarriesARequest) {
  OutboundClient client(2);
  OutboundOptions options;
  options.allow_private = true;
  options.headers.add("X-Given", "outbound");
  const auto response = run(client.request("POST", url("/echo"), "body", options));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /echo body");
  EXPECT_EQ(response.headers.get("X-Seen"), "outbound");
  EXPECT_EQ(run(client.get(url("/moved"), options)).status, 302);
  options.max_redirects = 1;
  EXPECT_EQ(run(client.get(url("/moved"), options)).body, "GET /echo ");
}

TEST_F(HttpClientTest, OutboundKeepsItsBounds) {
  OutboundClient client(1);
  OutboundOptions options;
  options.allow_private = true;
  options.max_response_bytes = 1'000;
  EXPECT_EQ(fault([&] { return client.get(url("/big"), options); }), Kind::too_large);
  options.timeout_ms = 100;
  EXPECT_EQ(fault([&] { return client.get(url("/slow"), options); }), Kind::timeout);
  EXPECT_EQ(fault([&] { return client.get("http://127.0.0.1:1/", options); }), Kind::connect);
  EXPECT_EQ(fault([&] { return client.get("file:///etc/hostname", options); }), Kind::bad_url);
  EXPECT_EQ(fault([&] { return client.get("http://a:b@127.0.0.1/", options); }), Kind::bad_url);
  options.headers.add("X-Evil", "a\r\nX-More: b");
  EXPECT_EQ(fault([&] { return client.get(url("/x"), options); }), Kind::bad_url);
}

TEST_F(HttpClientTest, OutboundEndsWhatWaitsWhenItStops) {
  auto client = std::make_unique<OutboundClient>(1);
  OutboundOptions options;
  options.allow_private = true;
  std::vector<Kind> kinds;
  for (int i = 0; i < 3; ++i)
    asio::co_spawn(io, client->get(url("/slow"), options),
                   [&](std::exception_ptr error, ClientResponse) {
                     try {
                       if (error) std::rethrow_exception(error);
                     } catch (const ClientError& e) {
                       kinds.push_back(e.kind);
                     }
                     if (kinds.size() == 3) io.stop();
                   });
  io.restart();
  io.run_for(std::chrono::milliseconds(50));
  client->stop();
  io.restart();
  io.run_for(std::chrono::seconds(5));
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::closed, Kind::closed, Kind::closed}));
  EXPECT_EQ(fault([&] { return client->get(url("/x"), options); }), Kind::closed);
}

TEST(PublicAddress, KnowsTheSpecialRanges) {
  for (const auto* address : {"127.0.0.1",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "198.18.0.1",
                              "::",
                              "::1",
                              "fe80::1",
                              "fd00::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::a00:1",
                              "2002:7f00:1::",
                              "2001:db8::1",
                              "2001::1",
                              "::127.0.0.1",
                              "no address",
                              ""})
    EXPECT_FALSE(is_public_address(address)) << address;
  for (const auto* address : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                              "::ffff:8.8.8.8", "2002:808:808::1"})
    EXPECT_TRUE(is_public_address(address)) << address;
}

TEST(ParseUrl, TakesApart) {
  const auto url = parse_url("HTTP://[::1]:8080/a/b?c=d#e");
  EXPECT_EQ(url.scheme, "http");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(parse_url("https://example.com").port, 443);
  EXPECT_EQ(parse_url("https://example.com").target, "/");
  for (const auto* bad : {"", "/x", "ftp://x/", "http://", "http://x:99999/", "http://u:p@x/",
                          "http://x/ y", "http://x/\r\nHost: y"})
    EXPECT_THROW(parse_url(bad), ClientError) << bad;
}

}  // namespace
}  // namespace pulse::http
