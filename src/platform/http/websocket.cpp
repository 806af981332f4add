// Accepted WebSockets: Beast's stream behind our own small interface.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <optional>

#include "platform/http/connection.hpp"
#include "platform/log.hpp"

namespace pulse::http {

namespace bw = beast::websocket;
using asio::redirect_error;
using asio::use_awaitable;

namespace {

class BeastWebSocket : public WebSocket {
 public:
  BeastWebSocket(beast::tcp_stream stream, const ServerOptions& options, const Response& response)
      : ws_(std::move(stream)) {
    auto timeout = bw::stream_base::timeout::suggested(beast::role_type::server);
    if (response.websocket_timeouts) {
      // A peer's pongs are seen by whoever reads, and this one always does.
      timeout.idle_timeout = std::chrono::milliseconds(2 * options.websocket_idle_ping_ms);
      timeout.keep_alive_pings = true;
      send_ = std::make_shared<SendLimit>(ws_.get_executor(), options.websocket_send_timeout_ms);
      send_->socket = this;
    }
    ws_.set_option(timeout);
    ws_.read_message_max(response.websocket_max_message_bytes);
    ws_.write_buffer_bytes(1024);  // frames are small; ten thousand idle clients must stay cheap
    ws_.set_option(
        bw::stream_base::decorator([headers = response.headers,
                                    subprotocol = response.subprotocol](bw::response_type& answer) {
          for (const auto& [name, value] : headers.all()) answer.insert(name, value);
          if (!subprotocol.empty())
            answer.set(beast::http::field::sec_websocket_protocol, subprotocol);
        }));
  }

  ~BeastWebSocket() override {
    if (!send_) return;
    send_->socket = nullptr;
    send_->timer.cancel();
  }

  Task<> accept(const Request& request) {
    beast::http::request<beast::http::string_body> handshake;
    handshake.method(beast::http::verb::get);
    handshake.target(request.target);
    handshake.version(11);
    for (const auto& [name, value] : request.headers.all()) handshake.insert(name, value);
    co_await ws_.async_accept(handshake, use_awaitable);
    ws_.set_option(bw::stream_base::decorator([](bw::response_type&) {}));  // frees the headers
  }

  Task<std::optional<Frame>> read() override {
    boost::system::error_code ec;
    co_await ws_.async_read(buffer_, redirect_error(use_awaitable, ec));
    if (ec) {
      open_ = false;
      co_return std::nullopt;
    }
    Frame frame;
    frame.text = ws_.got_text();
    const auto bytes = buffer_.cdata();
    frame.data.assign(static_cast<const char*>(bytes.data()), bytes.size());
    buffer_.consume(buffer_.size());
    if (buffer_.capacity() > 4096) buffer_.shrink_to_fit();
    co_return frame;
  }

  Task<> write(std::string data, bool text) override {
    ws_.text(text);
    boost::system::error_code ec;
    if (send_) SendLimit::begin(send_);
    co_await ws_.async_write(asio::buffer(data), redirect_error(use_awaitable, ec));
    if (send_) send_->end();
    if (ec) {
      open_ = false;
      beast::get_lowest_layer(ws_).close();
      throw boost::system::system_error(ec);
    }
  }

  Task<> close(std::uint16_t code, std::string reason) override {
    if (!open_) co_return;
    open_ = false;
    boost::system::error_code ec;
    const bw::close_reason why(static_cast<bw::close_code>(code), reason.substr(0, 120));
    co_await ws_.async_close(why, redirect_error(use_awaitable, ec));
  }

  void go_away() {
    if (!open_) return;
    if (!ws_.is_open()) return cut();  // not accepted yet
    open_ = false;
    // The reader hears of the peer's answer, and the writer that the WebSocket is closed.
    ws_.async_close(bw::close_reason(bw::close_code::going_away), [](boost::system::error_code) {});
  }

  bool open() const override { return open_ && ws_.is_open(); }

  void cut() noexcept override {
    open_ = false;
    beast::get_lowest_layer(ws_).close();
  }

 private:
  /// The time limit of a write: a peer that sends but never reads would hold its writer for ever.
  struct SendLimit {
    SendLimit(const asio::any_io_executor& executor, long ms) : timer(executor), limit_ms(ms) {}
    asio::steady_timer timer;
    long limit_ms;
    BeastWebSocket* socket = nullptr;

    static void begin(const std::shared_ptr<SendLimit>& self) {
      self->timer.expires_after(std::chrono::milliseconds(self->limit_ms));
      const auto due = self->timer.expiry();
      self->timer.async_wait([self, due](boost::system::error_code ec) {
        // Not of a later write, which this one's end may have met on the way.
        if (!ec && self->socket && self->writing && self->timer.expiry() == due)
          self->socket->cut();
      });
      self->writing = true;
    }
    void end() {
      writing = false;
      timer.cancel();
    }
    bool writing = false;
  };

  std::shared_ptr<SendLimit> send_;  // null: no limit
  bw::stream<beast::tcp_stream, false> ws_;
  beast::flat_buffer buffer_;
  bool open_ = true;
};

}  // namespace

bool is_websocket_request(const Request& request) {
  return request.method == "GET" && lists(request.headers.get("Connection"), "upgrade") &&
         lists(request.headers.get("Upgrade"), "websocket") &&
         request.headers.find("Sec-WebSocket-Key") != nullptr;
}

namespace {

/// Outlives the WebSocket as what does nothing.
struct EndsGuard {
  WebSocketEnds& ends;
  ~EndsGuard() {
    ends.go_away = ends.cut = [] {};
  }
};

}  // namespace

Task<> serve_websocket(beast::tcp_stream stream, const ServerOptions& options, Request& request,
                       Response& response, WebSocketEnds& ends) {
  stream.expires_never();  // the WebSocket stream keeps its own time limits
  BeastWebSocket socket(std::move(stream), options, response);
  const EndsGuard guard{ends};
  ends.go_away = [&socket] { socket.go_away(); };
  ends.cut = [&socket] { socket.cut(); };
  co_await socket.accept(request);
  // An open WebSocket lasts: what it took to open it need not.
  request.headers = {};
  request.query.clear();
  request.caller.reset();
  response.headers = {};
  co_await response.websocket(socket);
  co_await socket.close(1000, "");
}

}  // namespace pulse::http
