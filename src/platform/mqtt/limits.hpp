#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace pulse::mqtt {

/// Every bound of an Endpoint. Units are in the names; the defaults suit telemetry devices.
struct Limits {
  /// Connections of this endpoint; further ones are closed as they arrive.
  std::size_t connections_max = 200'000;
  /// From accept to a complete CONNECT, TLS handshake included.
  std::chrono::milliseconds connect_timeout{10'000};
  /// Largest packet taken from a client (5.0: Maximum Packet Size, 3.2.2.3.6).
  std::uint32_t packet_bytes_max = 64 * 1024;
  /// What 5.0 clients are told of it, when less: larger packets are taken, but of no use. 0: all.
  std::uint32_t packet_bytes_told = 0;
  /// Largest packet before CONNACK: nobody knows yet who it is.
  std::uint32_t connect_bytes_max = 8 * 1024;
  /// Topics, filters and topics of wills.
  std::size_t topic_bytes_max = 1024;
  std::size_t will_bytes_max = 4 * 1024;
  /// Unacknowledged QoS 1 and 2 messages of a client (5.0: Receive Maximum, 3.2.2.3.3). A 5.0
  /// client that sends more is disconnected with 0x93; a 3.1.1 client is read no further.
  std::uint16_t receive_maximum = 1024;
  /// QoS 2 identifiers that a 3.1.1 client may hold open before its PUBREL.
  std::size_t qos2_open_max = 4096;
  /// Bytes of one client's messages with the publish hook before its socket is read no further.
  std::size_t inflight_bytes_max = 256 * 1024;
  /// The same over all clients of the endpoint; above it a client may have one message under way.
  std::size_t inflight_bytes_total_max = 64 * 1024 * 1024;
  /// Topic aliases a 5.0 client may set (Topic Alias Maximum, 3.2.2.3.8).
  std::uint16_t topic_alias_maximum = 16;
  /// 5.0 clients that ask for none or more get this (Server Keep Alive, 3.2.2.3.14).
  std::chrono::seconds keep_alive_max{1200};
  std::size_t client_id_bytes_max = 256;
  std::size_t subscriptions_max = 64;
  /// QoS 1 and 2 messages sent to a client and not yet acknowledged; its own Receive Maximum may
  /// be lower.
  std::uint16_t outbound_inflight_max = 32;
  /// QoS 1 and 2 messages waiting for that window, and their bytes.
  std::size_t outbound_queue_max = 128;
  std::size_t outbound_queue_bytes_max = 256 * 1024;
  /// Unsent bytes for a client above which QoS 0 is dropped and its socket is read no further.
  std::size_t unsent_bytes_max = 128 * 1024;
  /// A client that takes no bytes for so long is disconnected.
  std::chrono::milliseconds write_stall_timeout{30'000};
  /// How long a connection stays open after the server's last packet, so that the client reads it.
  std::chrono::milliseconds linger{2'000};
  /// Resolution of all timeouts.
  std::chrono::milliseconds tick{250};
  /// Whether retained messages mean anything to the owner (Retain Available, 3.2.2.3.5).
  bool retain_available = true;
};

}  // namespace pulse::mqtt
