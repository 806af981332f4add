#pragma once
// HTTP messages as handlers see them: no Beast, no sockets.
#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/task.hpp"

namespace pulse::http {

/// Header fields in order; names compare without case (RFC 9110, 5.1).
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}
  /// The first value of `name`, or nullptr.
  const std::string* find(std::string_view name) const;
  /// The first value of `name`, or "".
  std::string_view get(std::string_view name) const;
  void set(std::string name, std::string value);
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  const std::vector<Field>& all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

bool iequals(std::string_view a, std::string_view b);
/// Percent-decodes; nothing when an escape is malformed. `plus_is_space` for query strings.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);
/// True when a comma-separated header list holds `word` (without case).
bool lists(std::string_view header, std::string_view word);
/// A method as metrics may name it: one of RFC 9110 and PATCH, else "other", since anybody may send
/// any word, and each label stays for ever.
std::string_view method_label(std::string_view method);
/// Value of a cookie in the Cookie header (RFC 6265), or nothing.
std::optional<std::string> cookie(const Headers& headers, std::string_view name);

struct EndpointSpec;

struct Request {
  std::string method;
  std::string target;                                            ///< as received: path and query
  std::string path;                                              ///< without query, not decoded
  std::vector<std::pair<std::string, std::string>> query;        ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> path_params;  ///< decoded
  Headers headers;
  std::string body;
  std::string peer_address;    ///< of the TCP peer
  std::string client_address;  ///< the caller's, after trusted proxies
  std::string request_id;
  bool secure = false;  ///< came over TLS (or a trusted proxy says so)
  /// What the authorizer learned about the caller (tenancy::Caller); platform does not look inside.
  std::any caller;
  /// What the authorizer adds to the answer, whatever it will be (RateLimit-* fields).
  std::vector<Headers::Field> answer_fields;
  /// What the router found by the head: the endpoint, whether its access check let the request
  /// through (it is not asked again), and how long that took.
  const EndpointSpec* endpoint = nullptr;
  bool admitted = false;
  std::int64_t admission_us = 0;

  std::string_view query_value(std::string_view name) const;  ///< first, or ""
  std::string_view param(std::string_view name) const;
};

/// The body of a streaming answer (SSE, exports): each `write` completes when the socket took the
/// bytes, so a slow client slows its producer. Throws when the client is gone or too slow.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual Task<> write(std::string_view bytes) = 0;
  virtual bool client_gone() const = 0;
};

/// An accepted WebSocket (RFC 6455). One reader and one writer at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  struct Frame {
    bool text = true;
    std::string data;
  };
  /// The next message, or nothing when the peer closed or the connection broke.
  virtual Task<std::optional<Frame>> read() = 0;
  /// Completes when the socket took the message; throws when the connection is gone or the peer did
  /// not take it within the send timeout.
  virtual Task<> write(std::string data, bool text = true) = 0;
  /// Sends a close frame and waits for the peer's.
  virtual Task<> close(std::uint16_t code, std::string reason) = 0;
  virtual bool open() const = 0;
  /// Ends the connection at once, without a close frame; reads and writes under way fail.
  virtual void cut() noexcept = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  /// When set, the answer's body is produced by it (chunked); `body` is ignored.
  std::function<Task<>(BodyWriter&)> stream;
  /// When set, the connection becomes a WebSocket; `subprotocol` is what was chosen.
  std::function<Task<>(WebSocket&)> websocket;
  std::string subprotocol;
  /// Bytes a WebSocket message may have at most.
  std::size_t websocket_max_message_bytes = 64 * 1024;
  /// Whether silent peers are pinged and cut, and a write that lasts too long ends the WebSocket.
  /// Off where the protocol inside sees to it, and pauses reading as it likes.
  bool websocket_timeouts = true;

  static Response json(int status, std::string body);
  static Response text(int status, std::string body,
                       std::string content_type = "text/plain; charset=utf-8");
  static Response html(int status, std::string body);
  static Response redirect(std::string location, int status = 302);
  Response& with(std::string name, std::string value) {
    headers.add(std::move(name), std::move(value));
    return *this;
  }
};

/// A Set-Cookie value (RFC 6265). `max_age_s` < 0: session cookie; 0: delete.
std::string set_cookie(std::string_view name, std::string_view value, long max_age_s,
                       bool http_only, std::string_view same_site, bool secure,
                       std::string_view path = "/");

}  // namespace pulse::http
