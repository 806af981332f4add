#include "platform/http/client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <list>
#include <map>
#include <optional>
#include <set>

#include "platform/clock.hpp"

namespace pulse::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using Kind = ClientError::Kind;

UrlParts parse_url(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) throw ClientError(Kind::bad_url, "not an absolute URL");
  const auto& view = *parsed;
  UrlParts parts;
  parts.scheme = std::string(view.scheme());
  for (char& c : parts.scheme) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (parts.scheme != "http" && parts.scheme != "https")
    throw ClientError(Kind::bad_url, "the URL must begin with http:// or https://");
  parts.host = view.host_address();
  if (parts.host.empty()) throw ClientError(Kind::bad_url, "the URL has no host");
  if (view.has_userinfo())
    throw ClientError(Kind::bad_url, "the URL must not carry a user name or password");
  parts.port = parts.scheme == "https" ? 443 : 80;
  if (view.has_port()) {
    const std::string_view digits = view.port();
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
    if (fault != std::errc() || end != digits.data() + digits.size() || parts.port == 0)
      throw ClientError(Kind::bad_url, "the URL's port is out of range");
  }
  parts.target = std::string(view.encoded_path());
  if (parts.target.empty()) parts.target = "/";
  if (view.has_query()) parts.target += "?" + std::string(view.encoded_query());
  return parts;
}

namespace {

struct Connection {
  explicit Connection(asio::any_io_executor executor) : socket(std::move(executor)) {}
  tcp::socket socket;
  beast::flat_buffer buffer;
  std::int64_t deadline_ms = 0;    // steady; when in use
  std::int64_t idle_since_ms = 0;  // steady; when kept
  bool in_use = true;
  bool timed_out = false;
  bool closed_by_client = false;
  bool fresh = true;

  void close() {
    error_code ignored;
    socket.close(ignored);
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

/// The request as it goes out: one write, one packet where it fits.
std::string wire(const ClientRequest& request, const UrlParts& url) {
  std::string out;
  out.reserve(256 + request.body.size());
  out.append(request.method).append(" ").append(url.target).append(" HTTP/1.1\r\nHost: ");
  const bool v6 = url.host.find(':') != std::string::npos;
  out.append(v6 ? "[" : "").append(url.host).append(v6 ? "]" : "");
  out.append(":").append(std::to_string(url.port)).append("\r\n");
  for (const auto& [name, value] : request.headers.all())
    out.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))
    out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  out.append("\r\n").append(request.body);
  return out;
}

constexpr auto no_throw = [](error_code& ec) {
  return asio::redirect_error(asio::use_awaitable, ec);
};

}  // namespace

struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
  using Origin = std::pair<std::string, std::uint16_t>;

  Impl(asio::any_io_executor executor_, ClientOptions options_)
      : executor(executor_), options(options_), tick(executor_) {}

  asio::any_io_executor executor;
  ClientOptions options;
  asio::steady_timer tick;
  bool ticking = false;
  bool closed = false;
  std::set<ConnectionPtr> all;
  std::map<Origin, std::vector<ConnectionPtr>> kept;
  std::map<Origin, std::vector<tcp::endpoint>> resolved;
  /// Leaves the list with its coroutine, which may be destroyed together with its loop.
  struct Waiter {
    Waiter(Impl& all, bool first)
        : impl(all),
          timer(all.executor),
          place(all.waiting.insert(first ? all.waiting.begin() : all.waiting.end(), this)) {}
    ~Waiter() {
      if (!called) impl.waiting.erase(place);
    }
    Waiter(const Waiter&) = delete;
    Impl& impl;
    asio::steady_timer timer;
    std::list<Waiter*>::iterator place;
    bool called = false;  ///< taken off the list
  };
  std::list<Waiter*> waiting;  // for a free connection, in order

  /// One timer for all connections: cheaper than one for each request. Deadlines are kept to its
  /// period of 20 ms.
  void start_ticking() {
    if (ticking || closed) return;
    ticking = true;
    arm();
  }
  void arm() {
    tick.expires_after(std::chrono::milliseconds(20));
    tick.async_wait([weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!self || ec) return;
      self->expire();
      if (self->all.empty()) {
        self->ticking = false;
      } else {
        self->arm();
      }
    });
  }
  void expire() {
    const auto now = steady_ms();
    for (auto it = all.begin(); it != all.end();) {
      const ConnectionPtr connection = *it++;
      if (connection->in_use && now >= connection->deadline_ms) {
        connection->timed_out = true;
        connection->close();
      } else if (!connection->in_use &&
                 now >= connection->idle_since_ms + options.idle_timeout_ms) {
        drop(connection);
      }
    }
  }
  void drop(const ConnectionPtr& connection) {
    connection->close();
    all.erase(connection);
    for (auto& [origin, list] : kept) std::erase(list, connection);
    wake_one();
  }
  void wake_one() {
    if (waiting.empty()) return;
    waiting.front()->called = true;
    waiting.front()->timer.cancel();
    waiting.pop_front();
  }

  [[noreturn]] static void raise(const Connection& connection, Kind kind, const std::string& what) {
    if (connection.closed_by_client) throw ClientError(Kind::closed, "the client is closed");
    if (connection.timed_out) throw ClientError(Kind::timeout, "no answer in time");
    throw ClientError(kind, what);
  }

  /// A kept connection, or a new one; waits for its turn when there are too many.
  Task<ConnectionPtr> acquire(Origin origin, std::int64_t deadline_ms, bool fresh) {
    bool waited = false;
    for (;;) {
      if (closed) throw ClientError(Kind::closed, "the client is closed");
      auto& idle = kept[origin];
      if (!fresh && !idle.empty()) {
        ConnectionPtr connection = std::move(idle.back());
        idle.pop_back();
        connection->in_use = true;
        connection->fresh = false;
        connection->deadline_ms = deadline_ms;
        co_return connection;
      }
      if (all.size() >= options.max_connections) close_one_idle();
      if (all.size() < options.max_connections) break;
      if (steady_ms() >= deadline_ms)
        throw ClientError(Kind::timeout, "no free connection in time");
      Waiter turn(*this, waited);  // who has waited before goes first
      turn.timer.expires_after(std::chrono::milliseconds(deadline_ms - steady_ms()));
      waited = true;
      error_code ec;
      co_await turn.timer.async_wait(no_throw(ec));
    }
    auto connection = std::make_shared<Connection>(executor);
    connection->deadline_ms = deadline_ms;
    all.insert(connection);
    start_ticking();
    co_return connection;
  }
  void close_one_idle() {
    for (auto& [origin, list] : kept) {
      if (list.empty()) continue;
      const ConnectionPtr connection = list.front();
      connection->close();
      all.erase(connection);
      list.erase(list.begin());
      return;
    }
  }

  Task<> connect(ConnectionPtr connection, Origin origin) {
    auto& endpoints = resolved[origin];
    error_code ec;
    if (endpoints.empty()) {
      const auto address = asio::ip::make_address(origin.first, ec);
      if (!ec) {
        endpoints.emplace_back(address, origin.second);
      } else {
        tcp::resolver resolver(executor);
        const auto found = resolver.resolve(origin.first, std::to_string(origin.second), ec);
        for (const auto& entry : found) endpoints.push_back(entry.endpoint());
        if (endpoints.empty()) raise(*connection, Kind::resolve, "no address for " + origin.first);
      }
    }
    const auto copy = endpoints;
    for (const auto& endpoint : copy) {
      error_code ignored;
      connection->socket.close(ignored);
      co_await connection->socket.async_connect(endpoint, no_throw(ec));
      if (!ec || connection->timed_out || closed) break;
    }
    if (ec) {
      resolved.erase(origin);
      raise(*connection, Kind::connect, "no connection to " + origin.first + ": " + ec.message());
    }
    error_code ignored;
    connection->socket.set_option(tcp::no_delay(true), ignored);
  }

  /// Sends and reads on one connection. Nothing: a kept connection was dead, send on a new one.
  Task<std::optional<ClientResponse>> exchange(ConnectionPtr connection,
                                               const ClientRequest& request,
                                               const std::string& bytes, bool& keep) {
    error_code ec;
    co_await asio::async_write(connection->socket, asio::buffer(bytes), no_throw(ec));
    const bool may_repeat = !connection->fresh && idempotent(request.method);
    if (ec) {
      if (may_repeat && !connection->timed_out && !closed) co_return std::nullopt;
      raise(*connection, Kind::broken, "the connection broke while sending: " + ec.message());
    }
    using Parser = beast::http::response_parser<beast::http::string_body>;
    std::optional<Parser> slot;
    do {  // 1xx answers come before the real one
      slot.emplace();
      slot->body_limit(request.max_response_bytes);
      slot->header_limit(64 * 1024);
      if (request.method == "HEAD") slot->skip(true);
      co_await beast::http::async_read(connection->socket, connection->buffer, *slot, no_throw(ec));
    } while (!ec && slot->get().result_int() / 100 == 1 && slot->get().result_int() != 101);
    Parser& parser = *slot;
    if (ec == beast::http::error::body_limit)
      raise(*connection, Kind::too_large, "the answer is too large");
    if (ec && !parser.got_some() && may_repeat && !connection->timed_out && !closed)
      co_return std::nullopt;
    if (ec &&
        (ec == beast::http::error::end_of_stream || ec == beast::http::error::partial_message ||
         ec.category() == asio::error::get_system_category() ||
         ec.category() == asio::error::get_misc_category()))
      raise(*connection, Kind::broken, "the connection ended before the answer: " + ec.message());
    if (ec) raise(*connection, Kind::malformed, "the answer is not HTTP: " + ec.message());
    auto message = parser.release();
    keep = message.keep_alive();
    ClientResponse response;
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message)
      response.headers.add(std::string(field.name_string()), std::string(field.value()));
    response.body = std::move(message.body());
    co_return response;
  }

  static Task<ClientResponse> run(std::shared_ptr<Impl> self, ClientRequest request) {
    const UrlParts url = parse_url(request.url);
    if (url.scheme != "http") throw ClientError(Kind::bad_url, "this client speaks http:// only");
    const Origin origin{url.host, url.port};
    const std::string bytes = wire(request, url);
    const auto deadline_ms = steady_ms() + request.timeout_ms;
    for (bool fresh = false;; fresh = true) {
      ConnectionPtr connection = co_await self->acquire(origin, deadline_ms, fresh);
      // Whatever happens, including the end of this coroutine: the connection goes back or closes.
      struct Release {
        Impl& impl;
        const ConnectionPtr& connection;
        const Origin& origin;
        bool keep = false;
        ~Release() {
          if (!keep || impl.closed || connection->timed_out) {
            impl.drop(connection);
            return;
          }
          connection->in_use = false;
          connection->idle_since_ms = steady_ms();
          impl.kept[origin].push_back(connection);
          impl.wake_one();
        }
      } release{*self, connection, origin};
      if (connection->fresh) co_await self->connect(connection, origin);
      bool keep = false;
      std::optional<ClientResponse> response =
          co_await self->exchange(connection, request, bytes, keep);
      if (!response) continue;
      release.keep = keep;
      co_return std::move(*response);
    }
  }

  void close() {
    closed = true;
    tick.cancel();
    for (const auto& connection : all) {
      connection->closed_by_client = true;
      connection->close();
    }
    kept.clear();
    while (!waiting.empty()) wake_one();
  }
};

Client::Client(asio::any_io_executor executor, ClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), options)) {}
Client::~Client() { impl_->close(); }

Task<ClientResponse> Client::request(ClientRequest request) {
  return Impl::run(impl_, std::move(request));
}

std::size_t Client::connections() const { return impl_->all.size(); }

}  // namespace pulse::http
