#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/mqtt/properties.hpp"
#include "platform/mqtt/reason.hpp"

namespace pulse::mqtt {

/// Control packet types (section 2.1.2).
enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

// The packets of MQTT 3.1.1 and 5.0 (chapter 3). Views in a decoded packet point into the bytes
// that it was decoded from. Fields and properties of 5.0 keep their defaults under 3.1.1.

struct WillFields {
  std::string_view topic;
  std::string_view payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  Properties properties;
  bool operator==(const WillFields&) const = default;
};

struct Connect {
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  std::string_view client_id;
  std::optional<WillFields> will;
  std::optional<std::string_view> user_name;
  std::optional<std::string_view> password;
  Properties properties;
  bool operator==(const Connect&) const = default;
};

struct Connack {
  bool session_present = false;
  /// Under 3.1.1 mapped from and to its return codes 0 to 5.
  Reason reason = Reason::success;
  Properties properties;
  bool operator==(const Connack&) const = default;
};

struct Publish {
  std::string_view topic;
  std::string_view payload;
  /// 0 exactly when the QoS is 0.
  std::uint16_t packet_id = 0;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  bool dup = false;
  Properties properties;
  bool operator==(const Publish&) const = default;
};

/// PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
struct Ack {
  PacketType type = PacketType::puback;
  std::uint16_t packet_id = 0;
  Reason reason = Reason::success;
  Properties properties;
  bool operator==(const Ack&) const = default;
};

struct SubscribeEntry {
  std::string_view filter;
  Qos qos = Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  /// 0: send retained messages; 1: only for a new subscription; 2: do not (section 3.8.3.1).
  std::uint8_t retain_handling = 0;
  bool operator==(const SubscribeEntry&) const = default;
};

struct Subscribe {
  std::uint16_t packet_id = 0;
  std::vector<SubscribeEntry> entries;
  Properties properties;
  bool operator==(const Subscribe&) const = default;
};

struct Suback {
  std::uint16_t packet_id = 0;
  std::vector<Reason> reasons;
  Properties properties;
  bool operator==(const Suback&) const = default;
};

struct Unsubscribe {
  std::uint16_t packet_id = 0;
  std::vector<std::string_view> filters;
  Properties properties;
  bool operator==(const Unsubscribe&) const = default;
};

struct Unsuback {
  std::uint16_t packet_id = 0;
  /// Empty under 3.1.1, which has no reasons here.
  std::vector<Reason> reasons;
  Properties properties;
  bool operator==(const Unsuback&) const = default;
};

struct Pingreq {
  bool operator==(const Pingreq&) const = default;
};

struct Pingresp {
  bool operator==(const Pingresp&) const = default;
};

struct Disconnect {
  Reason reason = Reason::success;
  Properties properties;
  bool operator==(const Disconnect&) const = default;
};

struct Auth {
  Reason reason = Reason::success;
  Properties properties;
  bool operator==(const Auth&) const = default;
};

using Packet = std::variant<Connect, Connack, Publish, Ack, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

/// One packet cut out of the byte stream, its body not yet looked at.
struct Frame {
  PacketType type = PacketType::connect;
  /// Low four bits of the first byte.
  std::uint8_t flags = 0;
  std::string_view body;
};

/// Decode a frame's body as the packet that frame.type says, under the connection's version
/// (CONNECT carries its own). Answer no fault and fill `out`, or a fault with the reason to give
/// the peer; `out` is then unspecified, except that a CONNECT's version is set when it was read.
Fault decode(const Frame& frame, Connect& out);
Fault decode(const Frame& frame, Version version, Connack& out);
Fault decode(const Frame& frame, Version version, Publish& out);
Fault decode(const Frame& frame, Version version, Ack& out);
Fault decode(const Frame& frame, Version version, Subscribe& out);
Fault decode(const Frame& frame, Version version, Suback& out);
Fault decode(const Frame& frame, Version version, Unsubscribe& out);
Fault decode(const Frame& frame, Version version, Unsuback& out);
Fault decode(const Frame& frame, Version version, Disconnect& out);
Fault decode(const Frame& frame, Version version, Auth& out);
Fault decode(const Frame& frame, Version version, Packet& out);

/// Append a packet to `out`. Throw std::length_error when a field or the packet is larger than the
/// protocol can say.
void encode(std::string& out, const Connect& packet);
void encode(std::string& out, Version version, const Connack& packet);
void encode(std::string& out, Version version, const Publish& packet);
void encode(std::string& out, Version version, const Ack& packet);
void encode(std::string& out, Version version, const Subscribe& packet);
void encode(std::string& out, Version version, const Suback& packet);
void encode(std::string& out, Version version, const Unsubscribe& packet);
void encode(std::string& out, Version version, const Unsuback& packet);
void encode(std::string& out, Version version, const Disconnect& packet);
void encode(std::string& out, Version version, const Auth& packet);
void encode(std::string& out, Version version, const Packet& packet);
/// An acknowledgement with reason 0x00 and no properties: four bytes in both versions.
void encode_ack(std::string& out, PacketType type, std::uint16_t packet_id);
void encode_pingreq(std::string& out);
void encode_pingresp(std::string& out);

}  // namespace pulse::mqtt
