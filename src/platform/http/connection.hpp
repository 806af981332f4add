#pragma once
// Inside of platform/http only: one TCP connection of the server. Includes Beast.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <unordered_set>

#include "platform/http/server.hpp"

namespace pulse::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Connection;

/// What connections share with their server.
struct Shared {
  ServerOptions options;
  ServerHandlers handlers;
  ServerStats stats;
  bool stopping = false;
  std::unordered_set<Connection*> open;
};

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
  ~Connection();
  /// Serves requests until either side closes. Never throws.
  Task<> run();
  bool idle() const { return idle_; }
  /// Cuts the connection; its coroutine ends.
  void cut();

 private:
  enum class Next { again, close };
  Task<bool> wait_for_data();
  Task<Next> serve_one();
  Task<> write_response(const Request& request, Response& response, bool keep_alive);
  Task<> write_stream(const Request& request, Response& response, bool keep_alive);
  Task<> run_websocket(Request& request, Response& response);
  Task<> refuse(int status, std::string_view detail);

  std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::string peer_;
  std::function<void()> cut_websocket_;  // set while the stream belongs to a WebSocket
  bool idle_ = true;
};

/// Status line and headers of an answer, ending with the empty line.
std::string response_head(const Response& response, std::string_view framing, bool keep_alive);
std::string_view reason_phrase(int status);
/// Accepts the WebSocket that `request` asks for and runs the response's handler on it. `cut` is set
/// to what ends it from outside, for as long as it lives.
Task<> serve_websocket(beast::tcp_stream stream, Request& request, Response& response,
                       std::function<void()>& cut);
/// True when the request asks for a WebSocket (RFC 6455, 4.2.1).
bool is_websocket_request(const Request& request);

}  // namespace pulse::http
