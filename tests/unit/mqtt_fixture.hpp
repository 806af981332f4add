#pragma once
// A live endpoint on a free loopback port, with hooks that tests can bend, and clients of it.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/mqtt/client.hpp"
#include "platform/mqtt/endpoint.hpp"
#include "platform/mqtt/packet.hpp"

namespace pulse::mqtt::test {

using namespace std::chrono_literals;

struct Received {
  std::string principal, topic, payload, content_type;
  Qos qos;
  bool retain, dup;
};

struct Ended {
  SessionInfo info;
  DisconnectCause cause;
  std::optional<Will> will;
};

/// Suspends the calling coroutine.
inline Task<> pause_for(std::chrono::milliseconds duration) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, duration);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Polls until `done` or five seconds have passed; answers done().
inline Task<bool> eventually(std::function<bool()> done, std::chrono::milliseconds limit = 5s) {
  for (auto waited = 0ms; waited < limit && !done(); waited += 5ms) co_await pause_for(5ms);
  co_return done();
}

/// Runs a test's coroutine and the endpoint on one thread. User "ann" with password "secret" may
/// connect; everything published is kept; filters below `out/` are granted.
class EndpointTest : public ::testing::Test {
 public:
  boost::asio::io_context io{1};
  Limits limits;
  Hooks hooks;
  std::unique_ptr<Endpoint> endpoint;
  std::uint16_t port = 0;

  std::vector<Received> received;
  std::vector<Ended> ended;
  std::vector<SessionRef> sessions;
  std::vector<std::string> subscribed, announced;
  /// What the publish hook answers; may wait.
  std::function<Task<PublishResult>(const PublishView&)> on_publish;

  EndpointTest() {
    limits.tick = 50ms;
    hooks.authenticate = [this](const ConnectInfo& info) { return authenticate(info); };
    hooks.publish = [this](const Principal& principal, const PublishView& view) {
      return publish(principal, view);
    };
    hooks.subscribe = [](const Principal&, std::string_view filter, Qos qos) -> Task<Reason> {
      co_return filter.starts_with("out/") ? static_cast<Reason>(qos) : Reason::not_authorized;
    };
    hooks.connected = [this](const SessionRef& session) { sessions.push_back(session); };
    hooks.subscribed = [this](const SessionRef&, std::string_view filter) {
      subscribed.emplace_back(filter);
    };
    hooks.disconnected = [this](const SessionInfo& info, const DisconnectCause& cause,
                                std::optional<Will> will) {
      ended.push_back({info, cause, std::move(will)});
    };
    hooks.announce_takeover = [this](const std::string& key, const std::string& session) {
      announced.push_back(key + " " + session);
    };
  }

  ~EndpointTest() override {
    endpoint.reset();
    io.restart();
    io.run_for(200ms);
  }

  void start() {
    endpoint = std::make_unique<Endpoint>(io, hooks, limits);
    port = endpoint->listen("127.0.0.1", 0);
  }

  /// Runs `body` to its end; a failure to finish in `limit` fails the test.
  void run(Task<> body, std::chrono::milliseconds limit = 20s) {
    if (!endpoint) start();
    bool finished = false;
    boost::asio::co_spawn(io, std::move(body), [&](std::exception_ptr error) {
      finished = true;
      io.stop();
      if (error) {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          ADD_FAILURE() << "exception: " << e.what();
        }
      }
    });
    io.restart();
    io.run_for(limit);
    EXPECT_TRUE(finished) << "the test did not finish in time";
  }

  ClientOptions options(Version version, std::string client_id = "c1") const {
    ClientOptions o;
    o.port = port;
    o.version = version;
    o.client_id = std::move(client_id);
    o.user_name = "ann";
    o.password = "secret";
    o.timeout = 5s;
    return o;
  }

  std::unique_ptr<Client> client() { return std::make_unique<Client>(io.get_executor()); }

 private:
  Task<AuthResult> authenticate(const ConnectInfo& info) {
    AuthResult result;
    if (info.password != "secret") {
      result.reason = Reason::bad_user_name_or_password;
      result.reason_string = "token is not known";
      co_return result;
    }
    result.principal.name = std::string(info.user_name.value_or(""));
    co_return result;
  }

  Task<PublishResult> publish(const Principal& principal, const PublishView& view) {
    received.push_back({principal.name, std::string(view.topic), std::string(view.payload),
                        std::string(view.content_type), view.qos, view.retain, view.dup});
    if (on_publish) co_return co_await on_publish(view);
    co_return PublishResult::accept();
  }
};

/// A peer that speaks bytes, to misbehave or to see exactly what is answered.
class RawPeer {
 public:
  RawPeer(boost::asio::io_context& io, std::uint16_t port) : socket_(io), port_(port) {}

  Task<> open() {
    return socket_.async_connect({boost::asio::ip::make_address("127.0.0.1"), port_},
                                 boost::asio::use_awaitable);
  }
  Task<> send(std::string bytes) {
    co_await boost::asio::async_write(socket_, boost::asio::buffer(bytes),
                                      boost::asio::use_awaitable);
  }
  /// What arrives until the server closes, or until `count` bytes are there, or nothing more comes.
  Task<std::string> receive(std::size_t count = SIZE_MAX, std::chrono::milliseconds limit = 3s) {
    boost::asio::steady_timer timer(socket_.get_executor(), limit);
    timer.async_wait([this](boost::system::error_code error) {
      if (!error) socket_.cancel();
    });
    std::string all;
    try {
      while (all.size() < count) {
        char buffer[4096];
        const auto n = co_await socket_.async_read_some(boost::asio::buffer(buffer),
                                                        boost::asio::use_awaitable);
        all.append(buffer, n);
      }
    } catch (const boost::system::system_error& error) {
      closed = error.code() != boost::asio::error::operation_aborted;
    }
    co_return all;
  }

  bool closed = false;

 private:
  boost::asio::ip::tcp::socket socket_;
  std::uint16_t port_;
};

/// A CONNECT as `ann`, to send raw.
inline std::string connect_bytes(Version version, std::string_view client_id = "raw",
                                 std::uint16_t keep_alive_s = 0) {
  Connect packet;
  packet.version = version;
  packet.client_id = client_id;
  packet.keep_alive_s = keep_alive_s;
  packet.user_name = "ann";
  packet.password = "secret";
  std::string bytes;
  encode(bytes, packet);
  return bytes;
}

inline std::string publish_bytes(Version version, std::string_view topic, std::string_view payload,
                                 Qos qos, std::uint16_t id, bool dup = false) {
  Publish packet;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = qos;
  packet.packet_id = id;
  packet.dup = dup;
  std::string bytes;
  encode(bytes, version, packet);
  return bytes;
}

}  // namespace pulse::mqtt::test
