// Answers on the wire: heads, bodies whole and in chunks.
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <ctime>

#include "platform/http/connection.hpp"

namespace pulse::http {

namespace bh = beast::http;
using asio::use_awaitable;
using std::chrono::milliseconds;

namespace {

/// RFC 9110, 5.6.7; made once a second.
std::string_view http_date() {
  thread_local std::time_t last = 0;
  thread_local char text[64];
  const std::time_t t = std::time(nullptr);
  if (t != last) {
    last = t;
    std::tm tm{};
    gmtime_r(&t, &tm);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  }
  return text;
}

/// A header value must not end its line; what handlers pass on from outside is cut there.
std::string_view one_line(std::string_view value) {
  return value.substr(0, value.find_first_of("\r\n"));
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto text = bh::obsolete_reason(static_cast<bh::status>(status));
  return {text.data(), text.size()};
}

std::string response_head(const Response& response, std::string_view framing, bool keep_alive) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\nDate: ").append(http_date());
  head.append("\r\n");
  for (const auto& [name, value] : response.headers.all())
    head.append(one_line(name)).append(": ").append(one_line(value)).append("\r\n");
  head.append(framing);
  if (!keep_alive) head.append("Connection: close\r\n");
  head.append("\r\n");
  return head;
}

/// Writes an answer, whatever kind it is, and says whether the connection goes on.
Task<Connection::Next> Connection::answer(Request& request, Response& response, bool keep_alive,
                                          bool chunked) {
  if (response.websocket) {
    co_await run_websocket(request, response);
    co_return Next::close;
  }
  if (response.stream) {
    // Whoever knows how long the body is says so, and needs no chunks.
    const bool sized = response.headers.find("Content-Length") != nullptr;
    keep_alive = keep_alive && (chunked || sized);
    co_await write_stream(request, response, keep_alive, chunked && !sized);
  } else {
    co_await write_response(request, response, keep_alive);
  }
  co_return keep_alive ? Next::again : Next::close;
}

Task<> Connection::write_response(const Request& request, Response& response, bool keep_alive) {
  std::string framing;
  // A HEAD answer brings the length that its GET would have (set by the router).
  const bool has_length = response.headers.find("Content-Length") != nullptr;
  // These never have a body (RFC 9110, 6.4.1): bytes behind them would be read as the next answer.
  const bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless) response.body.clear();
  if (!has_length && !bodiless)
    framing = "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  const std::string head = response_head(response, framing, keep_alive);
  if (request.method == "HEAD") response.body.clear();
  stream_.expires_after(milliseconds(shared_->options.write_timeout_ms));
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(response.body)};
  co_await asio::async_write(stream_, buffers, use_awaitable);
}

namespace {

class StreamWriter : public BodyWriter {
 public:
  StreamWriter(beast::tcp_stream& stream, long timeout_ms, bool chunked)
      : stream_(stream), timeout_ms_(timeout_ms), chunked_(chunked) {}
  Task<> write(std::string_view bytes) override {
    if (bytes.empty()) co_return;
    char size[24];
    const int n = chunked_ ? std::snprintf(size, sizeof size, "%zx\r\n", bytes.size()) : 0;
    stream_.expires_after(milliseconds(timeout_ms_));
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(size, static_cast<std::size_t>(n)),
                                                    asio::buffer(bytes),
                                                    asio::buffer("\r\n", chunked_ ? 2 : 0)};
    try {
      co_await asio::async_write(stream_, buffers, use_awaitable);
    } catch (...) {
      gone_ = true;
      throw;
    }
    stream_.expires_never();
  }
  bool client_gone() const override {
    if (gone_ || !stream_.socket().is_open()) return true;
    // A closed peer shows as a readable socket without bytes.
    char c = 0;
    const auto n = ::recv(stream_.socket().native_handle(), &c, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  beast::tcp_stream& stream_;
  long timeout_ms_;
  bool chunked_;
  bool gone_ = false;
};

}  // namespace

Task<> Connection::write_stream(const Request& request, Response& response, bool keep_alive,
                                bool chunked) {
  const std::string_view framing = chunked ? "Transfer-Encoding: chunked\r\n" : "";
  const std::string head = response_head(response, framing, keep_alive);
  stream_.expires_after(milliseconds(shared_->options.write_timeout_ms));
  co_await asio::async_write(stream_, asio::buffer(head), use_awaitable);
  if (request.method == "HEAD") co_return;
  StreamWriter writer(stream_, shared_->options.write_timeout_ms, chunked);
  // An error in the middle must show as a broken body, not as a complete one: no final chunk then.
  co_await response.stream(writer);
  if (!chunked) co_return;
  stream_.expires_after(milliseconds(shared_->options.write_timeout_ms));
  co_await asio::async_write(stream_, asio::buffer("0\r\n\r\n", 5), use_awaitable);
}

}  // namespace pulse::http
