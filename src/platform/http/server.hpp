#pragma once
// The HTTP/1.1 server of one loop (RFC 9112): keep-alive, pipelining, limits and a timeout at every
// stage, streaming answers, WebSockets (RFC 6455), graceful stop.
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/http/message.hpp"
#include "platform/limits.hpp"

namespace pulse::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  unsigned short port = 0;  ///< 0: any free one
  std::size_t header_bytes = limits::http_header_bytes;
  std::size_t large_body_bytes = limits::http_large_body_bytes;
  std::size_t large_bodies_bytes = limits::http_large_bodies_bytes;  ///< beyond: 503
  std::size_t dropped_body_bytes = limits::http_dropped_body_bytes;
  std::size_t connections = limits::http_connections_per_loop;
  long header_timeout_ms = limits::http_header_timeout_ms;
  long body_timeout_ms = limits::http_body_timeout_ms;
  long idle_timeout_ms = limits::http_idle_timeout_ms;
  long write_timeout_ms = limits::http_write_timeout_ms;
  long linger_ms = 2'000;  ///< for a closed connection's peer to close, too
  long websocket_send_timeout_ms = limits::websocket_send_timeout_ms;
  long websocket_idle_ping_ms = limits::websocket_idle_ping_ms;  ///< cut after twice as long
};

struct ServerHandlers {
  /// Answers a request; must not throw.
  std::function<Task<Response>(Request&)> handle;
  /// Greatest body, in bytes, for a method and path; asked before the body is read.
  std::function<std::size_t(std::string_view method, std::string_view path)> body_limit;
  /// Judges a request by its head, before its body is read: an answer ends it there, and `handle`
  /// is not asked. Must not throw. Not set: every body is read.
  std::function<Task<std::optional<Response>>(Request& head)> admit = {};
};

struct ServerStats {
  std::size_t connections = 0, websockets = 0;
  std::uint64_t requests = 0, refused = 0, timeouts = 0, malformed = 0;
};

class Server {
 public:
  /// Binds and listens (SO_REUSEPORT, so that several loops share a port). Throws
  /// boost::system::system_error when the address can't be had.
  Server(boost::asio::io_context& io, ServerOptions options, ServerHandlers handlers);
  ~Server();
  Server(const Server&) = delete;

  unsigned short port() const;
  /// Starts accepting.
  void start();
  /// Stops accepting, closes idle connections, tells WebSockets that the server goes away (1001),
  /// waits up to `grace_ms` for the others (a second for WebSockets), then cuts them.
  Task<> stop(long grace_ms = limits::http_stop_grace_ms);
  ServerStats stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::http
