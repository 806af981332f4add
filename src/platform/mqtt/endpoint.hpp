#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/mqtt/limits.hpp"
#include "platform/mqtt/reason.hpp"
#include "platform/mqtt/stats.hpp"
#include "platform/mqtt/stream.hpp"
#include "platform/task.hpp"

namespace boost::asio {
class io_context;
}

namespace pulse::mqtt {

struct Properties;
class EndpointCore;

/// How a client reached the endpoint.
enum class Protocol : std::uint8_t { tcp, tls, websocket, secure_websocket };

/// Who a client turned out to be. `name` is the owner's; deliveries go by it. `data` is anything
/// that the owner wants back in its hooks.
struct Principal {
  std::string name;
  std::shared_ptr<const void> data;
};

/// A client's last will (section 3.1.2.5), handed to the owner when the connection ends without a
/// normal DISCONNECT. Sessions end with their connection, and with the session a Will Delay
/// Interval ends too [MQTT-3.1.2-8], so the will is due at once.
struct Will {
  std::string topic;
  std::string payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> user_properties;
};

/// What a CONNECT says, for the authenticate hook. Absent user name and password are nullopt.
struct ConnectInfo {
  std::string_view client_id;  ///< assigned by the endpoint when the client sent none
  std::optional<std::string_view> user_name;
  std::optional<std::string_view> password;
  /// Common Name of the client's certificate, or empty. Believe it by the listener's rules
  /// (TlsFiles): where any certificate may be presented, after the fingerprint was looked up.
  std::string peer_cert_cn;
  std::string peer_cert_fingerprint;  ///< SHA-256 of that certificate in lower-case hex, or empty
  std::string remote_address;
  Protocol protocol = Protocol::tcp;
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  const Will* will = nullptr;
};

/// Answer of the authenticate hook. A failure's `reason_string` is told to 5.0 clients.
struct AuthResult {
  Reason reason = Reason::success;
  std::string reason_string;
  Principal principal;
  /// Identity for session take-over: at most one connection has it, over all endpoints. Empty
  /// means "{principal.name}/{client_id}".
  std::string client_key;
};

/// An open session, as hooks see it.
struct SessionInfo {
  std::string session_id;  ///< 32 hex digits, ordered by time of connection
  std::string client_id;
  std::string client_key;
  Principal principal;
  std::string remote_address;
  Protocol protocol = Protocol::tcp;
  Version version = Version::v5;
};

/// Refers to a session that may end at any time. Cheap to copy; use on the endpoint's loop.
class SessionRef {
 public:
  SessionRef() = default;
  SessionRef(std::shared_ptr<const SessionInfo> info, std::weak_ptr<void> session)
      : info_(std::move(info)), session_(std::move(session)) {}
  const SessionInfo& info() const { return *info_; }
  bool alive() const { return !session_.expired(); }
  const std::weak_ptr<void>& session() const { return session_; }

 private:
  std::shared_ptr<const SessionInfo> info_;
  std::weak_ptr<void> session_;
};

/// A message from a client. Views and references are valid until the publish hook completes.
struct PublishView {
  std::string_view topic;
  std::string_view payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  bool dup = false;
  std::string_view content_type;  ///< 5.0 property, or empty
  const Properties* properties = nullptr;
};

/// What became of a message from a client.
struct PublishResult {
  enum class Kind : std::uint8_t {
    accepted,     ///< it is safe: acknowledge
    rejected,     ///< refused for good: 5.0 is told the reason; see on_v311
    unavailable,  ///< not safe now: no acknowledgement, the connection closes, the client repeats
  };
  /// 3.1.1 cannot say no. Close the connection, or acknowledge what was thrown away.
  enum class OnV311 : std::uint8_t { close, acknowledge };

  Kind kind = Kind::accepted;
  Reason reason = Reason::success;
  std::string text;
  OnV311 on_v311 = OnV311::close;

  static PublishResult accept() { return {}; }
  static PublishResult reject(Reason reason, std::string text, OnV311 on_v311 = OnV311::close) {
    return {Kind::rejected, reason, std::move(text), on_v311};
  }
  static PublishResult unavailable(std::string text) {
    return {Kind::unavailable, Reason::server_busy, std::move(text), OnV311::close};
  }
};

/// Why a session ended.
struct DisconnectCause {
  enum class Kind : std::uint8_t {
    client,  ///< the client's DISCONNECT
    connection_lost,
    keep_alive,
    protocol_error,
    taken_over,
    rejected,     ///< a message refused for good closed the connection
    unavailable,  ///< a message could not be made safe
    write_stall,
    administrative,  ///< Endpoint::disconnect
    shutdown,
  };
  Kind kind = Kind::connection_lost;
  Reason reason = Reason::success;
  std::string text;
};

/// The owner's side of an Endpoint. All hooks run on the endpoint's loop. Those that are Tasks may
/// wait; while `authenticate` or `subscribe` waits, that client is not read. Unset hooks: nobody is
/// authenticated, every message is accepted and dropped, every filter is refused.
struct Hooks {
  /// Throwing means "unavailable": CONNACK 0x88.
  std::function<Task<AuthResult>(const ConnectInfo&)> authenticate;

  /// Takes one message. Many run at once for one client, up to Limits; acknowledgements still leave
  /// in the order of receipt [MQTT-4.6.0-2]. Throwing means PublishResult::unavailable.
  /// It must complete some time: until then the message counts against the client's window.
  std::function<Task<PublishResult>(const Principal&, const PublishView&)> publish;

  /// Grants (success, granted_qos1, granted_qos2: the highest QoS) or refuses a valid filter.
  std::function<Task<Reason>(const Principal&, std::string_view filter, Qos)> subscribe;

  /// After CONNACK was queued.
  std::function<void(const SessionRef&)> connected;

  /// After SUBACK was queued, once for each granted filter: deliver what is pending.
  std::function<void(const SessionRef&, std::string_view filter)> subscribed;

  /// Once for each `connected`. The will is there unless the client took it back.
  std::function<void(const SessionInfo&, const DisconnectCause&, std::optional<Will>)> disconnected;

  /// A client came; tell every other endpoint to kick(client_key, session_id).
  std::function<void(const std::string& client_key, const std::string& session_id)>
      announce_takeover;
};

/// A message to a client.
struct Message {
  std::string topic;
  std::string payload;
  Qos qos = Qos::at_least_once;
  bool retain = false;       ///< sent as given: set it on a retained message for a new subscriber
  std::string content_type;  ///< told to 5.0 clients when not empty
  std::optional<std::uint32_t> expiry_s;
  std::vector<std::pair<std::string, std::string>> user_properties;
};

/// How a QoS 1 or 2 delivery ended. QoS 0 ends `sent`.
enum class DeliveryOutcome : std::uint8_t { sent, acknowledged, refused, dropped, lost };

/// Called once for each session that took the message, on the endpoint's loop.
using DeliveryDone = std::function<void(DeliveryOutcome, Reason)>;

/// What deliver() did: sessions with a matching subscription, and how many of them took it. The
/// rest have a full queue, or a Maximum Packet Size below the message.
struct Delivery {
  std::size_t matched = 0;
  std::size_t taken = 0;
};

/// Certificate and key files (PEM) of a TLS listener. With `client_ca_file` clients may present a
/// certificate, which must then verify against it. With `any_client_certificate` they may present
/// any: TLS proves that the client holds its key, and whose it is the owner finds out by its
/// fingerprint.
struct TlsFiles {
  std::string certificate_chain_file;
  std::string private_key_file;
  std::string client_ca_file;
  bool any_client_certificate = false;
};

/// The devices' side of an MQTT 3.1.1 and 5.0 server: connections, sessions, acknowledgements and
/// flow control. What a message means, who may connect and what waits for a client is the owner's,
/// through Hooks. It is no broker: clients see only what the owner delivers. Sessions last as long
/// as their connection (Session Present is always 0, Session Expiry Interval 0).
///
/// An Endpoint lives on one io_context that one thread runs; every call is made on that thread.
/// Several endpoints may listen on one port (SO_REUSEPORT), one for each loop. Memory is bounded by
/// Limits: an idle client costs a few KiB.
class Endpoint {
 public:
  Endpoint(boost::asio::io_context& context, Hooks hooks, Limits limits = {});
  /// Closes everything at once. Hooks that are under way may still finish; none is called anew.
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// Listens for MQTT over TCP. `host` is an IP address; port 0 picks a free one. Answers the port.
  /// Throws boost::system::system_error.
  std::uint16_t listen(const std::string& host, std::uint16_t port);

  /// Listens for MQTT over TLS 1.2 and up. Sets SIGPIPE to be ignored (OpenSSL writes with write).
  /// Throws also std::runtime_error naming the file that does not load.
  std::uint16_t listen_tls(const std::string& host, std::uint16_t port, const TlsFiles& files);

  /// Serves MQTT on a stream that the owner accepted, until the connection ends. Never throws for
  /// what the peer does. No read or write is under way when it returns, and none follows, so that
  /// what the stream stands on may go; publish hooks of that client may still be at work.
  Task<> serve(std::unique_ptr<Stream> stream, Protocol protocol, std::string peer_cert_cn = {});

  /// Sends to every session of a principal with a subscription that matches. QoS is the lower of
  /// message and subscription.
  Delivery deliver(const std::string& principal_name, const Message& message,
                   DeliveryDone done = {});

  /// Sends to one session, if it has a subscription that matches.
  Delivery deliver(const SessionRef& session, const Message& message, DeliveryDone done = {});

  /// Sends to every session with a subscription that matches. Looks at all sessions.
  Delivery deliver_to_all(const Message& message, DeliveryDone done = {});

  /// Another endpoint announced that it serves this client now: ends our older session of it, if
  /// any, with 0x8E. Sessions that began at the same moment are ordered by id, so that one stays.
  bool kick(const std::string& client_key, const std::string& session_id);

  /// Whether the principal has a session here.
  bool serves(const std::string& principal_name) const;

  /// Ends those of a principal's sessions that `which` picks; 5.0 clients get the reason and text.
  /// Answers how many.
  std::size_t disconnect(const std::string& principal_name,
                         const std::function<bool(const SessionInfo&)>& which, Reason reason,
                         const std::string& text);

  /// The same among all sessions, which looks at each of them; 5.0 clients get the reason and text.
  /// Answers how many.
  std::size_t disconnect(const std::function<bool(const SessionInfo&)>& which, Reason reason,
                         const std::string& text);

  /// Stops listening and reading, waits up to `grace` for messages with the publish hook and sends
  /// their acknowledgements, tells 5.0 clients 0x8B, and closes. Safe to call once.
  Task<> stop(std::chrono::milliseconds grace);

  /// May be read from any thread, as long as the Endpoint lives.
  const Stats& stats() const;

 private:
  std::shared_ptr<EndpointCore> core_;
};

}  // namespace pulse::mqtt
