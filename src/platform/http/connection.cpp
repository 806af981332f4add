#include "platform/http/connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <ctime>

#include "platform/clock.hpp"
#include "platform/http/query.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::http {

namespace bh = beast::http;
using Parser = bh::request_parser<bh::string_body>;
using asio::redirect_error;
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

/// A request's target, taken apart. Of an absolute form (RFC 9112, 3.2.2) the authority goes before
/// the Host field.
struct Target {
  std::string_view authority, path, query;
  bool has_query = false;
};

Target split_target(std::string_view text) {
  Target out;
  const auto colon = std::min(text.find("://"), text.size());
  const auto scheme = text.substr(0, colon);
  if (colon < text.size() && (iequals(scheme, "http") || iequals(scheme, "https"))) {
    text.remove_prefix(colon + 3);
    const auto end = std::min(text.find_first_of("/?"), text.size());
    out.authority = text.substr(0, end);
    text.remove_prefix(end);
  }
  const auto mark = text.find('?');
  out.has_query = mark != std::string_view::npos;
  if (out.has_query) out.query = text.substr(mark + 1);
  out.path = text.substr(0, mark);
  if (out.path.empty()) out.path = "/";
  return out;
}

/// A header's value as text: what is no UTF-8 is read as ISO 8859-1, which it once was (RFC 9110,
/// 5.5). So whatever is kept of it can be stored and shown.
std::string field_text(std::string_view value) {
  if (json::is_text(value)) return std::string(value);
  std::string out;
  out.reserve(value.size() * 2);
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

Request to_request(bh::request<bh::string_body>&& in, const std::string& peer) {
  Request out;
  out.method = std::string(in.method_string());
  const auto target = split_target({in.target().data(), in.target().size()});
  out.peer_address = out.client_address = peer;
  out.target = out.path = std::string(target.path);
  if (target.has_query) out.target.append("?").append(target.query);
  out.query = parse_query(target.query);
  for (const auto& field : in)
    out.headers.add(std::string(field.name_string()), field_text(field.value()));
  if (!target.authority.empty()) out.headers.set("Host", std::string(target.authority));
  out.body = std::move(in.body());
  return out;
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

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), stream_(std::move(socket)) {
  boost::system::error_code ec;
  const auto endpoint = stream_.socket().remote_endpoint(ec);
  if (!ec) peer_ = endpoint.address().to_string();
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ec);
  shared_->open.insert(this);
  ++shared_->stats.connections;
}

Connection::~Connection() {
  shared_->open.erase(this);
  --shared_->stats.connections;
}

void Connection::cut() {
  if (is_websocket())
    websocket_.cut();
  else
    stream_.close();
}

Task<> Connection::run() {
  try {
    Next next = Next::again;
    while (next == Next::again && !shared_->stopping) {
      // Not in the condition: GCC 12 awaits there whatever stands before the &&.
      if (!co_await wait_for_data()) break;
      next = co_await serve_one();
    }
  } catch (const std::exception& e) {
    // The peer is gone or did not keep a time limit: nothing to answer.
    log::debug("connection ended", {{"peer", peer_}, {"error", e.what()}});
  }
  if (!is_websocket()) co_await linger();
}

/// Closing with unread bytes would reset the connection and take the answer along (RFC 9112, 9.6):
/// what the peer still sends is read and dropped for a moment.
Task<> Connection::linger() {
  idle_ = true;
  boost::system::error_code ec;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  stream_.expires_after(milliseconds(shared_->options.linger_ms));
  while (!ec && !shared_->stopping) {
    buffer_.clear();
    co_await stream_.async_read_some(buffer_.prepare(4096), redirect_error(use_awaitable, ec));
  }
}

/// Between requests: no parser, no buffer, just the socket.
Task<bool> Connection::wait_for_data() {
  if (buffer_.size() > 0) co_return true;
  idle_ = true;
  buffer_.shrink_to_fit();
  stream_.expires_after(milliseconds(shared_->options.idle_timeout_ms));
  boost::system::error_code ec;
  // Two bytes tell a request from the stray line end that old clients send after a body.
  const auto n =
      co_await stream_.async_read_some(buffer_.prepare(4096), redirect_error(use_awaitable, ec));
  buffer_.commit(n);
  idle_ = false;
  co_return !ec && n > 0;
}

Task<> Connection::refuse(int status, std::string_view detail) {
  std::string body = "{\"detail\":";
  json::write(body, detail);
  auto response = Response::json(status, body + "}");
  ++shared_->stats.malformed;
  const Request none;  // a name of its own: GCC 12 frees braced temporaries in co_await twice
  co_await write_response(none, response, false);
}

namespace {

/// Room for a body that is larger than most, as long as it lives.
class LargeBody {
 public:
  LargeBody(std::shared_ptr<Shared> shared, std::size_t bytes)
      : shared_(std::move(shared)), bytes_(bytes > shared_->options.large_body_bytes ? bytes : 0) {
    fits_ = shared_->large_bodies_bytes + bytes_ <= shared_->options.large_bodies_bytes;
    if (fits_) shared_->large_bodies_bytes += bytes_;
  }
  ~LargeBody() {
    if (fits_) shared_->large_bodies_bytes -= bytes_;
  }
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;
  bool fits() const { return fits_; }

 private:
  std::shared_ptr<Shared> shared_;
  std::size_t bytes_;
  bool fits_ = false;
};

}  // namespace

Task<Connection::Next> Connection::serve_one() {
  idle_ = false;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(shared_->options.header_bytes));
  parser.body_limit(boost::none);
  stream_.expires_after(milliseconds(shared_->options.header_timeout_ms));
  boost::system::error_code ec;
  co_await bh::async_read_header(stream_, buffer_, parser, redirect_error(use_awaitable, ec));
  if (ec == bh::error::end_of_stream) co_return Next::close;
  if (ec == bh::error::header_limit) {
    co_await refuse(431, "Request headers too large");
    co_return Next::close;
  }
  if (ec == beast::error::timeout) {
    ++shared_->stats.timeouts;
    co_return Next::close;
  }
  if (ec.category() == make_error_code(bh::error::end_of_stream).category()) {
    co_await refuse(400, "Malformed request: " + ec.message());
    co_return Next::close;
  }
  if (ec) co_return Next::close;

  const auto& head = parser.get();
  const std::string_view target(head.target().data(), head.target().size());
  const std::string_view method(head.method_string().data(), head.method_string().size());
  const auto limit = shared_->handlers.body_limit(method, split_target(target).path);
  const auto length = parser.content_length();
  if (length && *length > limit) {
    co_await refuse(413, "Body too large: at most " + std::to_string(limit) + " bytes");
    co_return Next::close;
  }
  const LargeBody room(shared_, length ? static_cast<std::size_t>(*length) : limit);
  if (!room.fits()) {
    co_await refuse(503, "Too many large uploads at once: try again");
    co_return Next::close;
  }
  parser.body_limit(limit);
  if (iequals(head[bh::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(go_on), use_awaitable);
  }
  stream_.expires_after(milliseconds(shared_->options.body_timeout_ms));
  co_await bh::async_read(stream_, buffer_, parser, redirect_error(use_awaitable, ec));
  if (ec == bh::error::body_limit) {
    co_await refuse(413, "Body too large: at most " + std::to_string(limit) + " bytes");
    co_return Next::close;
  }
  if (ec) {
    if (ec == beast::error::timeout) ++shared_->stats.timeouts;
    co_return Next::close;
  }
  bool keep_alive = parser.get().keep_alive() && !shared_->stopping;
  // HTTP/1.0 knows no chunks: there a streamed body ends with the connection.
  const bool chunked = parser.get().version() >= 11;
  Request request = to_request(parser.release(), peer_);
  ++shared_->stats.requests;
  stream_.expires_never();
  Response response = co_await shared_->handlers.handle(request);
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

Task<> Connection::run_websocket(Request& request, Response& response) {
  if (!is_websocket_request(request)) {
    auto answer = Response::json(426, "{\"detail\":\"This path is a WebSocket\"}");
    answer.headers.add("Upgrade", "websocket");
    co_await write_response(request, answer, false);
    co_return;
  }
  ++shared_->stats.websockets;
  idle_ = true;  // a graceful stop need not wait for it
  buffer_.consume(buffer_.size());
  buffer_.shrink_to_fit();
  std::exception_ptr error;
  try {
    // What the client sent behind its handshake stays unread: a client must wait for the answer.
    co_await serve_websocket(std::move(stream_), shared_->options, request, response, websocket_);
  } catch (...) {
    error = std::current_exception();
  }
  --shared_->stats.websockets;
  if (error) std::rethrow_exception(error);
}

}  // namespace pulse::http
