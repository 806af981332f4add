#pragma once
// A TCP client of tests that speaks byte by byte, and a server on a loop of its own for it.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "platform/http/server.hpp"
#include "platform/loop.hpp"

namespace pulse::test {

/// Blocking; a read that gets nothing for ten seconds fails the test.
class RawClient {
 public:
  /// `receive_buffer`: of the kernel, in bytes; 0: as it is.
  explicit RawClient(unsigned short port, int receive_buffer = 0) : socket_(io_) {
    socket_.open(boost::asio::ip::tcp::v4());
    const timeval patience{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0)
      socket_.set_option(boost::asio::socket_base::receive_buffer_size(receive_buffer));
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }

  void send(std::string_view bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }

  /// Everything up to and with `end`; what came behind it stays for the next read. Ends early when
  /// the server closes.
  std::string read_until(std::string_view end) {
    while (kept_.find(end) == std::string::npos && fill()) {
    }
    const auto at = kept_.find(end);
    return take(at == std::string::npos ? kept_.size() : at + end.size());
  }
  std::string read_exactly(std::size_t n) {
    while (kept_.size() < n && fill()) {
    }
    return take(std::min(n, kept_.size()));
  }
  /// Everything until the server closes.
  std::string read_all() {
    while (fill()) {
    }
    return take(kept_.size());
  }
  /// True when the server has closed, and sent nothing before.
  bool closed() { return !fill() && kept_.empty(); }
  /// Head and body of an answer with a Content-Length.
  std::string read_answer() {
    std::string head = read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_exactly(std::stoul(head.substr(at + 16)));
  }
  /// Ends the connection with a reset, unless everything was read.
  void close() { socket_.close(); }

 private:
  bool fill() {
    char bytes[16 * 1024];
    const auto n = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      ADD_FAILURE() << "the server neither answers nor closes; so far: " << kept_.substr(0, 500);
    if (n > 0) kept_.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }
  std::string take(std::size_t n) {
    std::string out = kept_.substr(0, n);
    kept_.erase(0, n);
    return out;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string kept_;
};

/// Runs `f` on the loop and answers what it returned.
template <class F>
auto on_loop(Loop& loop, F f) {
  auto task = std::make_shared<std::packaged_task<decltype(f())()>>(std::move(f));
  auto result = task->get_future();
  loop.post([task] { (*task)(); });
  return result.get();
}

/// An HTTP server whose handler is given; it stops at the end.
class ServerOnLoop {
 public:
  using Handler = std::function<Task<http::Response>(http::Request&)>;
  using Admission = std::function<Task<std::optional<http::Response>>(http::Request&)>;
  explicit ServerOnLoop(Handler handler, http::ServerOptions options = {},
                        std::size_t body_limit = 1'000, Admission admit = {})
      : server_(loop_.io(), std::move(options),
                {std::move(handler), [body_limit](auto, auto) { return body_limit; },
                 std::move(admit)}) {
    server_.start();
    loop_.start();
  }
  ~ServerOnLoop() { stop(1'000); }

  unsigned short port() const { return server_.port(); }
  http::ServerStats stats() {
    return on_loop(loop_, [this] { return server_.stats(); });
  }
  /// Polls until `true_of` holds of the statistics; answers whether it came to that in ten seconds.
  bool eventually(const std::function<bool(const http::ServerStats&)>& true_of) {
    for (int i = 0; i < 2'000 && !true_of(stats()); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return true_of(stats());
  }
  void stop(long grace_ms) {
    if (stopped_) return;
    stopped_ = true;
    std::promise<void> done;
    loop_.spawn(server_.stop(grace_ms), [&](std::exception_ptr) { done.set_value(); });
    done.get_future().wait();
  }

 private:
  Loop loop_{"http-test"};
  http::Server server_;
  bool stopped_ = false;
};

}  // namespace pulse::test
