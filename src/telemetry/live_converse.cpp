#include <boost/asio/co_spawn.hpp>

#include "platform/clock.hpp"
#include "platform/limits.hpp"
#include "platform/loop.hpp"
#include "telemetry/live_api.hpp"

namespace pulse::telemetry {

bool allowed_origin(const http::Request& request, const std::vector<std::string>& origins) {
  const auto origin = request.headers.get("Origin");
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  if (http::iequals(origin.substr(scheme + 3), request.headers.get("Host"))) return true;
  for (const auto& o : origins)
    if (http::iequals(origin, o)) return true;
  return false;
}

namespace {

Task<> read_all(http::WebSocket& socket, std::function<Task<>(std::string)>& on_text) {
  while (true) {
    auto frame = co_await socket.read();
    if (!frame) co_return;
    if (frame->text) co_await on_text(std::move(frame->data));
  }
}

}  // namespace

Task<> converse(http::WebSocket& socket, LiveOutbox& outbox, const std::int64_t& expires_at_s,
                long push_interval_ms, std::string ping,
                std::function<Task<>(std::string)> on_text) {
  const auto executor = co_await boost::asio::this_coro::executor;
  bool reader_done = false;
  boost::asio::co_spawn(executor, read_all(socket, on_text), [&](std::exception_ptr) {
    reader_done = true;
    outbox.wake();
  });
  std::exception_ptr error;
  bool expired = false;
  try {
    auto last = steady_ms();
    while (!reader_done && !expired) {
      bool sent = false;
      while (auto text = outbox.take()) {
        co_await socket.write(std::move(*text));
        sent = true;
        last = steady_ms();
        if (reader_done) break;
      }
      expired = now_ms() / 1000 > expires_at_s;
      if (reader_done || expired) break;
      // What comes within the interval leaves together.
      if (sent) co_await sleep_ms(push_interval_ms);
      if (outbox.empty()) co_await outbox.wait(1'000);
      if (outbox.empty() && steady_ms() - last >= limits::websocket_idle_ping_ms && !ping.empty()) {
        last = steady_ms();
        co_await socket.write("{\"type\":\"" + ping + "\",\"ts\":\"" + iso8601(now()) + "\"}");
      }
    }
    if (expired) co_await socket.close(4001, "Token expired");
  } catch (...) {
    error = std::current_exception();  // the peer is gone: nobody is left to be told
  }
  // The reader holds references into this frame: it must end first.
  socket.cut();
  while (!reader_done) co_await sleep_ms(10);
}

}  // namespace pulse::telemetry
