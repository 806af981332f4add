#pragma once
// Inside of platform/http only: one TCP connection of the server. Includes Beast.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <unordered_set>

#include "platform/http/server.hpp"

namespace pulse::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Connection;

/// What ends a WebSocket from outside.
struct WebSocketEnds {
  std::function<void()> go_away, cut;
};

/// What connections share with their server.
struct Shared {
  ServerOptions options;
  ServerHandlers handlers;
  ServerStats stats;
  bool stopping = false;
  std::unordered_set<Connection*> open;
  std::size_t large_bodies_bytes = 0;  ///< of large bodies that are read or held now
};

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
  ~Connection();
  /// Serves requests until either side closes. Never throws.
  Task<> run();
  bool idle() const { return idle_; }
  bool is_websocket() const { return static_cast<bool>(websocket_.cut); }
  /// Tells a WebSocket's peer that the server goes away; its coroutine ends when the peer answers.
  void go_away() { websocket_.go_away(); }
  /// Cuts the connection; its coroutine ends.
  void cut();

 private:
  enum class Next { again, close };
  using Parser = beast::http::request_parser<beast::http::string_body>;
  Task<bool> wait_for_data();
  Task<> linger();
  Task<Next> serve_one();
  Task<bool> read_body(Parser& parser, std::size_t limit);
  Task<Next> answer_head(Parser& parser, Request& request, Response& response);
  Task<Next> answer(Request& request, Response& response, bool keep_alive, bool chunked);
  Task<> write_response(const Request& request, Response& response, bool keep_alive);
  Task<> write_stream(const Request& request, Response& response, bool keep_alive, bool chunked);
  Task<> run_websocket(Request& request, Response& response);
  Task<> refuse(int status, std::string_view detail);

  std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::string peer_;
  WebSocketEnds websocket_;  // set once the stream belongs to a WebSocket
  bool idle_ = true;
};

/// Status line and headers of an answer, ending with the empty line.
std::string response_head(const Response& response, std::string_view framing, bool keep_alive);
std::string_view reason_phrase(int status);
/// Accepts the WebSocket that `request` asks for and runs the response's handler on it. `ends` is
/// set to what ends it from outside, and does nothing once it is gone.
Task<> serve_websocket(beast::tcp_stream stream, const ServerOptions& options, Request& request,
                       Response& response, WebSocketEnds& ends);
/// True when the request asks for a WebSocket (RFC 6455, 4.2.1).
bool is_websocket_request(const Request& request);

}  // namespace pulse::http
