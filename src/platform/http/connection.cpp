#include "platform/http/connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include "platform/clock.hpp"
#include "platform/http/query.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::http {

namespace bh = beast::http;
using asio::redirect_error;
using asio::use_awaitable;
using std::chrono::milliseconds;

namespace {

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

/// The head; the body is put in when it was read.
Request to_request(const bh::request<bh::string_body>& in, const std::string& peer) {
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
  return out;
}

}  // namespace

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

  Request request = to_request(parser.get(), peer_);
  const auto limit = shared_->handlers.body_limit(request.method, request.path);
  const auto length = parser.content_length();
  if (length && *length > limit) {
    co_await refuse(413, "Body too large: at most " + std::to_string(limit) + " bytes");
    co_return Next::close;
  }
  stream_.expires_never();
  if (shared_->handlers.admit) {
    auto refusal = co_await shared_->handlers.admit(request);
    if (refusal) co_return co_await answer_head(parser, request, *refusal);
  }
  const LargeBody room(shared_, length ? static_cast<std::size_t>(*length) : limit);
  if (!room.fits()) {
    co_await refuse(503, "Too many large uploads at once: try again");
    co_return Next::close;
  }
  const bool whole = co_await read_body(parser, limit);
  if (!whole) co_return Next::close;
  request.body = std::move(parser.get().body());
  ++shared_->stats.requests;
  stream_.expires_never();
  Response response = co_await shared_->handlers.handle(request);
  // HTTP/1.0 knows no chunks: there a streamed body ends with the connection.
  const bool chunked = parser.get().version() >= 11;
  co_return co_await answer(request, response, parser.keep_alive() && !shared_->stopping, chunked);
}

/// False when the connection is to be closed: the body did not come, or is too large.
Task<bool> Connection::read_body(Parser& parser, std::size_t limit) {
  parser.body_limit(limit);
  if (iequals(parser.get()[bh::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(go_on), use_awaitable);
  }
  stream_.expires_after(milliseconds(shared_->options.body_timeout_ms));
  boost::system::error_code ec;
  co_await bh::async_read(stream_, buffer_, parser, redirect_error(use_awaitable, ec));
  if (ec == bh::error::body_limit)
    co_await refuse(413, "Body too large: at most " + std::to_string(limit) + " bytes");
  else if (ec == beast::error::timeout)
    ++shared_->stats.timeouts;
  co_return !ec;
}

/// Writes what the head alone decided. A small body is read away behind it, and the connection goes
/// on. All else closes it: a large one, one without an announced length, and one that waits for
/// "100 Continue", of which nobody knows whether it still comes.
Task<Connection::Next> Connection::answer_head(Parser& parser, Request& request,
                                               Response& response) {
  const auto most = shared_->options.dropped_body_bytes;
  const auto length = parser.content_length();
  const bool waits = iequals(parser.get()[bh::field::expect], "100-continue");
  const bool small = parser.is_done() || (length && *length <= most && !waits);
  const bool chunked = parser.get().version() >= 11;
  ++shared_->stats.requests;
  const auto next = co_await answer(request, response,
                                    small && parser.keep_alive() && !shared_->stopping, chunked);
  if (next == Next::close || parser.is_done()) co_return next;
  parser.body_limit(most);
  stream_.expires_after(milliseconds(shared_->options.linger_ms));
  boost::system::error_code ec;
  co_await bh::async_read(stream_, buffer_, parser, redirect_error(use_awaitable, ec));
  co_return ec ? Next::close : Next::again;
}

Task<> Connection::run_websocket(Request& request, Response& response) {
  if (!is_websocket_request(request)) {
    auto refusal = Response::json(426, "{\"detail\":\"This path is a WebSocket\"}");
    refusal.headers.add("Upgrade", "websocket");
    co_await write_response(request, refusal, false);
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
