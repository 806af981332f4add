// What message routes deliver to a webhook, beside the same POSTs by the same client alone.
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/http/client.hpp"
#include "platform/task.hpp"

namespace pulse::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// A webhook's receiver on a thread of its own: answers 200 to all, and counts.
class Sink {
 public:
  explicit Sink(std::uint16_t port)
      : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), port}), thread_([this] {
          asio::co_spawn(io_, accept(), asio::detached);
          io_.run();
        }) {}
  ~Sink() {
    io_.stop();
    thread_.join();
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::int64_t taken() const { return taken_; }
  std::int64_t bytes() const { return bytes_; }
  std::int64_t first_us() const { return first_us_; }
  std::int64_t last_us() const { return last_us_; }
  void begin_anew() { taken_ = bytes_ = first_us_ = last_us_ = 0; }

 private:
  Task<> accept() {
    while (true) {
      auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
      asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
    }
  }

  Task<> serve(tcp::socket socket) {
    static constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    socket.set_option(tcp::no_delay(true));
    std::string held;
    std::vector<char> chunk(64 * 1024);
    while (true) {
      boost::system::error_code gone;
      const auto n = co_await socket.async_read_some(
          asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, gone));
      if (gone) co_return;
      held.append(chunk.data(), n);
      for (auto size = message_size(held); size && held.size() >= size; size = message_size(held)) {
        held.erase(0, size);
        last_us_ = steady_us();
        if (taken_++ == 0) first_us_ = last_us_.load();
        bytes_ += static_cast<std::int64_t>(size);
        co_await asio::async_write(socket, asio::buffer(answer),
                                   asio::redirect_error(asio::use_awaitable, gone));
        if (gone) co_return;
      }
    }
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  std::atomic<std::int64_t> taken_{0}, bytes_{0}, first_us_{0}, last_us_{0};
  std::thread thread_;  // after what it uses
};

/// Posts a message after the other until none is left.
Task<> post(http::OutboundClient& client, const std::string& url, const std::string& body,
            std::int64_t& left) {
  http::OutboundOptions options;
  options.allow_private = true;
  options.headers.add("Content-Type", "application/json");
  while (left-- > 0) {
    const auto answer = co_await client.request("POST", url, body, options);
    if (answer.status != 200) throw std::runtime_error("the sink did not answer 200");
  }
}

/// POSTs a second of the client alone, as many at once as routes of a tenant send.
double bare(const std::string& url, const std::string& body, std::int64_t n, int at_once) {
  http::OutboundClient client(at_once);
  asio::io_context io(1);
  std::exception_ptr fault;
  std::int64_t left = n;
  const auto begun = steady_us();
  for (int i = 0; i < at_once; ++i)
    asio::co_spawn(io, post(client, url, body, left), [&](std::exception_ptr e) {
      if (e) fault = e;
    });
  io.run();
  if (fault) std::rethrow_exception(fault);
  return static_cast<double>(n) * 1e6 / static_cast<double>(steady_us() - begun);
}

}  // namespace

Report bench_delivery(const Args& args) {
  const auto devices = read_devices(args);
  const auto n = args.number("messages", 5'000) / 100 * 100;
  const auto at_once = static_cast<int>(args.number("at-once", 16));
  const auto port = static_cast<std::uint16_t>(args.number("port", 0));
  if (port == 0) throw std::invalid_argument("--port: the one that a route leads to");
  Sink sink(port);
  const auto url = "http://127.0.0.1:" + std::to_string(port) + "/bench";
  const auto body = usual_envelope(devices.front(), 1, now_ms());
  bare(url, body, std::max<std::int64_t>(100, n / 20), at_once);  // to warm up
  sink.begin_anew();
  const auto bare_rate = bare(url, body, n, at_once);
  if (sink.taken() != n) throw std::runtime_error("the sink did not take all POSTs");
  sink.begin_anew();
  const auto accepted = post_batches(devices, n, now_ms() * 1'000);
  if (accepted != n) throw std::runtime_error("not all messages were accepted");
  const auto until = steady_us() + args.number("patience-s", 60) * 1'000'000;
  while (sink.taken() < n && steady_us() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto taken = sink.taken();
  const auto rate =
      static_cast<double>(taken) * 1e6 /
      static_cast<double>(std::max<std::int64_t>(1, sink.last_us() - sink.first_us()));
  return {{"messages", n},
          {"delivered", taken},
          {"request_bytes", taken ? sink.bytes() / taken : 0},
          {"deliveries_per_s", rate},
          {"bare_posts_per_s", bare_rate},
          {"of_bare", rate / bare_rate}};
}

}  // namespace pulse::bench
