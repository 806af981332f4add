#pragma once
// A real nats-server with JetStream for unit tests, in a scratch directory, on a free loopback
// port.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "await.hpp"
#include "platform/nats/client.hpp"
#include "server_process.hpp"

namespace pulse::test {

class NatsServer {
 public:
  /// `started` false: only the port and the directory are chosen.
  explicit NatsServer(bool started = true) : scratch_("pulse-nats"), port_(free_port()) {
    if (started) start();
  }
  ~NatsServer() { kill(); }
  NatsServer(const NatsServer&) = delete;

  std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  /// Starts it, again on the same port with the same store, and waits until it takes connections.
  void start() {
    if (process_) return;
    process_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{"/usr/sbin/nats-server", "-a", "127.0.0.1", "-p",
                                 std::to_string(port_), "-js", "-sd", scratch_.path() + "/store"},
        "", log(), SIGKILL);
    if (!wait_until([&] { return !process_->running() || listens(); }) || !process_->running())
      throw std::runtime_error("nats-server does not start: " + file_text(log()));
  }
  /// kill -9.
  void kill() {
    if (process_) process_->stop(SIGKILL);
    process_.reset();
  }
  /// SIGSTOP: it stands still with its connections open, until `resume`.
  void freeze() { process_->freeze(); }
  void resume() { process_->signal(SIGCONT); }

 private:
  std::string log() const { return scratch_.path() + "/log"; }
  bool listens() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    const bool open = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return open;
  }

  ScratchDirectory scratch_;
  int port_;
  std::unique_ptr<ServerProcess> process_;
};

/// A test with a nats-server of its own and an io_context to run coroutines on.
class NatsTest : public ::testing::Test {
 public:
  NatsServer server;
  boost::asio::io_context io{1};

  template <class T>
  T await(Task<T> task) {
    return test::await(io, std::move(task));
  }
  /// A client that is connected.
  std::unique_ptr<nats::Client> client() {
    auto c = std::make_unique<nats::Client>(nats::Options{server.url(), "test"});
    EXPECT_TRUE(await(eventually([&] { return c->connected(); })));
    return c;
  }
};

}  // namespace pulse::test
