#pragma once
// HTTP clients. `Client`: pooled keep-alive HTTP/1.1 on a loop, for http:// within our own network
// (load generators, local calls). `OutboundClient`: libcurl, for the outside world (JWKS,
// webhooks): TLS verified, and no address that only this machine can reach.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "platform/http/message.hpp"
#include "platform/task.hpp"

namespace pulse::http {

/// No aggregate on purpose: GCC 12 copies braced temporaries of aggregates bit by bit when they
/// stand in an expression with co_await.
struct ClientRequest {
  ClientRequest() = default;
  ClientRequest(std::string method_, std::string url_, std::string body_ = {})
      : method(std::move(method_)), url(std::move(url_)), body(std::move(body_)) {}
  std::string method = "GET";
  std::string url;  ///< absolute, e.g. http://127.0.0.1:8080/health?x=1
  Headers headers;  ///< Host and Content-Length are set by the client
  std::string body;
  long timeout_ms = 10'000;                  ///< from the call to the last byte of the answer
  std::size_t max_response_bytes = 1 << 20;  ///< body; more is ClientError::too_large
};

struct ClientResponse {
  ClientResponse() = default;
  int status = 0;
  Headers headers;
  std::string body;
};

/// There is no answer, and why. HTTP statuses are not errors here.
struct ClientError : std::runtime_error {
  enum class Kind : std::uint8_t {
    bad_url,
    resolve,    ///< the name has no address
    connect,    ///< nobody answers there
    forbidden,  ///< the address is private, loopback or link-local
    tls,        ///< the peer's certificate does not verify, or the handshake failed
    timeout,
    broken,     ///< the connection ended before the answer did
    malformed,  ///< the answer is not HTTP
    too_large,
    redirects,  ///< more of them than allowed
    closed,     ///< the client is being destroyed
  };
  Kind kind;
  ClientError(Kind k, const std::string& what) : std::runtime_error(what), kind(k) {}
};

/// Parts of an absolute http or https URL (RFC 3986). `target` is path and query, at least "/".
struct UrlParts {
  std::string scheme, host, target;
  std::uint16_t port = 0;
};
/// Throws ClientError::bad_url. Credentials in URLs are refused; a fragment is dropped.
UrlParts parse_url(std::string_view url);

struct ClientOptions {
  std::size_t max_connections = 256;  ///< to all origins together; more requests wait in line
  long idle_timeout_ms = 60'000;      ///< unused connections close after it
};

/// Used on one loop (that of its executor), by any number of coroutines at once. A request that is
/// idempotent (RFC 9110, 9.2.2) and finds its kept connection dead is sent once more on a new one;
/// others fail as `broken`, since nobody knows whether the server took them.
class Client {
 public:
  explicit Client(boost::asio::any_io_executor executor, ClientOptions options = {});
  /// Closes all connections; requests under way end as `closed`.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Throws ClientError. Names resolve blocking unless they are addresses: meant for local targets.
  Task<ClientResponse> request(ClientRequest request);

  /// Open connections, in use or kept.
  std::size_t connections() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// How an outbound request may go.
struct OutboundOptions {
  OutboundOptions() = default;
  Headers headers;
  long timeout_ms = 10'000;  ///< whole transfer, redirects included
  long connect_timeout_ms = 5'000;
  std::size_t max_response_bytes = 1 << 20;
  int max_redirects = 0;       ///< 0: a redirect is an answer like any other
  bool allow_private = false;  ///< also private, loopback and link-local addresses
  std::string ca_file;         ///< PEM bundle instead of the system's
};

/// libcurl on a few threads of its own; callable from any loop, completes on the caller's. Proxies
/// of the environment are not used, since the address check would then look at the proxy.
class OutboundClient {
 public:
  /// `threads`: transfers at once (1 to 64); `queue`: waiting ones, more fail as `closed`.
  explicit OutboundClient(int threads = 4, std::size_t queue = 10'000);
  /// `stop`. The callers' loops must still exist, or it was called while they did.
  ~OutboundClient();
  OutboundClient(const OutboundClient&) = delete;
  OutboundClient& operator=(const OutboundClient&) = delete;

  /// Ends transfers under way, and all that come, as `closed`. Blocks; not on a loop's thread.
  void stop();

  /// Throws ClientError.
  Task<ClientResponse> get(std::string url, OutboundOptions options = {});
  Task<ClientResponse> request(std::string method, std::string url, std::string body,
                               OutboundOptions options = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Whether an address (text, IPv4 or IPv6) is one of the public internet: none of IANA's special
/// purpose ranges (RFC 6890), also when wrapped in a mapped, NAT64 or 6to4 address.
bool is_public_address(std::string_view address);

}  // namespace pulse::http
