#include <boost/asio/co_spawn.hpp>

#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/limits.hpp"
#include "platform/log.hpp"
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

Task<std::optional<Closing>> closing_for(const LiveDeps& d, const tenancy::Caller& who,
                                         std::string client_address) {
  std::optional<Closing> closing;
  try {
    co_await d.standing(who, std::move(client_address));
  } catch (const HttpError& e) {
    if (e.status == 401 || e.status == 403)
      closing = Closing{static_cast<std::uint16_t>(e.status == 403 ? 4003 : 4001), e.what()};
  } catch (const pg::Error& e) {
    log::error_throttled("live connections not checked", {{"error", e.what()}}, 60);
  }
  co_return closing;
}

Task<> converse(http::WebSocket& socket, LiveOutbox& outbox, Conversation how) {
  const auto executor = co_await boost::asio::this_coro::executor;
  bool reader_done = false;
  boost::asio::co_spawn(executor, read_all(socket, how.on_text), [&](std::exception_ptr) {
    reader_done = true;
    outbox.wake();
  });
  std::exception_ptr error;
  std::optional<Closing> closing;
  try {
    auto last = steady_ms();
    auto checked = last;
    while (!reader_done) {
      bool sent = false;
      while (auto text = outbox.take()) {
        co_await socket.write(std::move(*text));
        sent = true;
        last = steady_ms();
        if (reader_done || last - checked >= closing_check_ms) break;
      }
      if (steady_ms() - checked >= closing_check_ms) {
        checked = steady_ms();
        closing = co_await how.closing();
      }
      if (reader_done || closing) break;
      if (sent) co_await sleep_ms(how.push_interval_ms);
      if (outbox.empty()) co_await outbox.wait(1'000);
      if (outbox.empty() && steady_ms() - last >= limits::websocket_idle_ping_ms &&
          !how.ping.empty()) {
        last = steady_ms();
        co_await socket.write("{\"type\":\"" + how.ping + "\",\"ts\":\"" + iso8601(now()) + "\"}");
      }
    }
    if (closing) co_await socket.close(closing->code, closing->reason);
  } catch (...) {
    error = std::current_exception();  // the peer is gone: nobody is left to be told
  }
  // The reader holds references into this frame: it must end first.
  socket.cut();
  while (!reader_done) co_await sleep_ms(10);
}

}  // namespace pulse::telemetry
