#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/mqtt/reason.hpp"
#include "platform/task.hpp"

namespace pulse::mqtt {

/// A message to publish as last will.
struct ClientWill {
  std::string topic;
  std::string payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
};

struct ClientOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  bool tls = false;
  /// The name that the server's certificate is for, where `host` is an address; empty: `host`.
  std::string tls_server_name;
  /// PEM file that the server's certificate must verify against; empty: not verified.
  std::string tls_ca_file;
  /// PEM files of a client certificate, or empty.
  std::string tls_certificate_file;
  std::string tls_key_file;
  Version version = Version::v5;
  std::string client_id;
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  bool clean_start = true;
  /// The client sends PINGREQ after half of it without other packets. 0: never.
  std::chrono::seconds keep_alive{60};
  std::optional<ClientWill> will;
  /// 5.0 limits that we announce; 0: not announced.
  std::uint16_t receive_maximum = 0;
  std::uint32_t maximum_packet_size = 0;
  std::chrono::milliseconds timeout{10'000};
};

/// CONNACK as it came.
struct ConnectResult {
  Reason reason = Reason::success;
  std::string reason_string;
  bool session_present = false;
  std::string assigned_client_id;
  std::optional<std::uint16_t> server_keep_alive_s;
  std::uint16_t receive_maximum = 65'535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t maximum_packet_size = 0;
};

/// How a publish ended. `lost`: the connection ended first, so nothing is known and the message
/// should be sent again (the Client keeps none).
struct PublishAck {
  bool lost = false;
  Reason reason = Reason::success;
  std::string reason_string;
  bool ok() const { return !lost && !is_failure(reason); }
};

/// No aggregate on purpose: GCC 12 copies braced temporaries of aggregates bit by bit when they
/// stand in an expression with co_await.
struct PublishOptions {
  PublishOptions(Qos q = Qos::at_least_once) : qos(q) {}  // NOLINT(google-explicit-constructor)
  Qos qos;
  bool retain = false;
  std::string content_type;                                          // 5.0
  std::vector<std::pair<std::string, std::string>> user_properties;  // 5.0
  std::uint16_t topic_alias = 0;                                     // 5.0; 0: none
};

/// A received message; views are valid during the callback.
struct ClientMessage {
  std::string_view topic;
  std::string_view payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  bool dup = false;
  std::vector<std::uint32_t> subscription_identifiers;
};

/// How a connection ended. With 5.0 the server may have said why.
struct ConnectionEnd {
  bool by_server_packet = false;
  Reason reason = Reason::success;
  std::string text;
};

/// An asynchronous MQTT 3.1.1 and 5.0 client over TCP or TLS for simulators, benchmarks and tests:
/// many publishes in flight, within the server's Receive Maximum. It does not reconnect and stores
/// nothing. Used on one thread, that of its executor.
class Client {
 public:
  explicit Client(boost::asio::any_io_executor executor);
  /// Drops the connection without a DISCONNECT, if it is open.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Connects and waits for CONNACK; a refusal is a result, not an exception. Throws
  /// boost::system::system_error when there is no connection or no answer in time. May be called
  /// again after the connection has ended.
  Task<ConnectResult> connect(ClientOptions options);

  /// Publishes and waits: QoS 0 until handed to the socket's queue, QoS 1 until PUBACK, QoS 2 until
  /// PUBCOMP. Waits for a free slot when the server's Receive Maximum is in flight.
  Task<PublishAck> publish(std::string topic, std::string payload,
                           PublishOptions options = Qos::at_least_once);

  /// As publish, without a coroutine: `done` is called once (never inside this call for QoS 1, 2).
  /// Over the Receive Maximum, messages wait inside; bound them with inflight().
  void publish(std::string_view topic, std::string_view payload, const PublishOptions& options,
               std::function<void(const PublishAck&)> done);

  /// Subscribes to one filter; answers the granted QoS or a failure. Throws when the connection
  /// ends first.
  Task<Reason> subscribe(std::string filter, Qos qos, std::uint32_t subscription_identifier = 0);
  Task<Reason> unsubscribe(std::string filter);

  /// Called for each message, before it is acknowledged (automatically).
  void on_message(std::function<void(const ClientMessage&)> callback);
  /// Called once when an open connection has ended, for whatever reason.
  void on_end(std::function<void(const ConnectionEnd&)> callback);

  /// Waits until everything queued is written, sends DISCONNECT and closes.
  Task<> disconnect(Reason reason = Reason::success);
  /// Closes the socket without a word.
  void abort();

  bool connected() const;
  /// Unacknowledged and waiting publishes.
  std::size_t inflight() const;
  /// Bytes that the socket has not taken yet.
  std::size_t unsent_bytes() const;

  /// Writes raw bytes, for tests of a server's manners.
  void send_raw(std::string_view bytes);
  /// Stops (or resumes) acknowledging QoS 1 and 2 messages, for tests.
  void hold_acks(bool hold);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::mqtt
