#include <string_view>

#include "platform/mqtt/packet.hpp"
#include "platform/mqtt/topic.hpp"
#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {
namespace {

constexpr std::string_view trailing = "packet is longer than its fields";

/// The decoder's fault, or one for bytes left over.
Fault finish(Reader& in) {
  if (!in.fault() && !in.empty()) in.fail(Reason::malformed_packet, trailing);
  return in.fault();
}

std::uint16_t read_packet_id(Reader& in) {
  const auto id = in.u16();
  if (id == 0) in.fail(Reason::protocol_error, "packet identifier 0 is not allowed");
  return id;
}

void read_properties(Reader& in, Version version, PropertyOwner owner, Properties& out) {
  if (version == Version::v5) decode_properties(in, owner, out);
}

PropertyOwner owner_of(PacketType type) { return static_cast<PropertyOwner>(type); }

/// Bits of the CONNECT flags (section 3.1.2.3).
struct ConnectFlags {
  std::uint8_t bits;
  bool reserved() const { return (bits & 0x01) != 0; }
  bool clean_start() const { return (bits & 0x02) != 0; }
  bool will() const { return (bits & 0x04) != 0; }
  std::uint8_t will_qos() const { return (bits >> 3) & 3; }
  bool will_retain() const { return (bits & 0x20) != 0; }
  bool password() const { return (bits & 0x40) != 0; }
  bool user_name() const { return (bits & 0x80) != 0; }
};

void check(Reader& in, ConnectFlags flags, Version version) {
  if (flags.reserved()) in.fail(Reason::malformed_packet, "reserved CONNECT flag is set");
  if (flags.will_qos() == 3) in.fail(Reason::malformed_packet, "will QoS 3 is not defined");
  if (!flags.will() && (flags.will_qos() != 0 || flags.will_retain())) {
    in.fail(Reason::malformed_packet, "will QoS or retain without a will");
  }
  if (version == Version::v311 && flags.password() && !flags.user_name()) {
    in.fail(Reason::malformed_packet, "password without a user name");  // [MQTT-3.1.2-22]
  }
}

void read_will(Reader& in, ConnectFlags flags, Version version, WillFields& will) {
  will.qos = static_cast<Qos>(flags.will_qos());
  will.retain = flags.will_retain();
  read_properties(in, version, PropertyOwner::will, will.properties);
  will.topic = in.utf8();
  will.payload = in.binary();
  if (!in.fault() && !is_valid_topic_name(will.topic)) {
    in.fail(Reason::topic_name_invalid, "will topic is empty or has a wildcard");
  }
}

void read_reasons(Reader& in, std::vector<Reason>& out) {
  while (!in.empty()) out.push_back(static_cast<Reason>(in.u8()));
  if (out.empty()) in.fail(Reason::protocol_error, "packet carries no reason code");
}

}  // namespace

Fault decode(const Frame& frame, Connect& out) {
  Reader in(frame.body);
  const auto name = in.utf8();
  const auto level = in.u8();
  if (in.fault()) return in.fault();
  if (name != "MQTT" || (level != 4 && level != 5)) {
    // "MQIsdp" level 3 is MQTT 3.1; anything else is no version we know [MQTT-3.1.2-1, -2]. The
    // answer has the form of the nearest version.
    out.version = level < 5 ? Version::v311 : Version::v5;
    return {Reason::unsupported_protocol_version, "only MQTT 3.1.1 and 5.0 are spoken here"};
  }
  out.version = static_cast<Version>(level);
  const ConnectFlags flags{in.u8()};
  check(in, flags, out.version);
  out.clean_start = flags.clean_start();
  out.keep_alive_s = in.u16();
  read_properties(in, out.version, PropertyOwner::connect, out.properties);
  out.client_id = in.utf8();
  if (flags.will()) read_will(in, flags, out.version, out.will.emplace());
  if (flags.user_name()) out.user_name = in.utf8();
  if (flags.password()) out.password = in.binary();
  if (out.properties.authentication_data && !out.properties.authentication_method) {
    in.fail(Reason::protocol_error, "authentication data without a method");
  }
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Connack& out) {
  Reader in(frame.body);
  const auto flags = in.u8();
  if (flags > 1) in.fail(Reason::malformed_packet, "reserved CONNACK flags are set");
  out.session_present = flags == 1;
  const auto code = in.u8();
  out.reason = version == Version::v5 ? static_cast<Reason>(code) : reason_of_connack_v311(code);
  read_properties(in, version, PropertyOwner::connack, out.properties);
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Publish& out) {
  Reader in(frame.body);
  const std::uint8_t qos = (frame.flags >> 1) & 3;
  if (qos == 3) return {Reason::malformed_packet, "QoS 3 is not defined"};
  out.qos = static_cast<Qos>(qos);
  out.retain = (frame.flags & 1) != 0;
  out.dup = (frame.flags & 8) != 0;
  if (out.dup && qos == 0) return {Reason::malformed_packet, "DUP is set on a QoS 0 message"};
  out.topic = in.utf8();
  if (qos != 0) out.packet_id = read_packet_id(in);
  read_properties(in, version, PropertyOwner::publish, out.properties);
  out.payload = in.take_rest();
  if (in.fault()) return in.fault();
  if (has_wildcard(out.topic)) return {Reason::topic_name_invalid, "topic has a wildcard"};
  if (out.topic.empty() && !out.properties.topic_alias) {
    // [MQTT-3.3.2-8] and 4.7.3-1: an empty topic is only a reference to an alias.
    return {version == Version::v5 ? Reason::protocol_error : Reason::topic_name_invalid,
            "topic is empty"};
  }
  if (out.properties.response_topic && has_wildcard(*out.properties.response_topic)) {
    return {Reason::protocol_error, "response topic has a wildcard"};
  }
  return {};
}

Fault decode(const Frame& frame, Version version, Ack& out) {
  Reader in(frame.body);
  out.type = frame.type;
  out.packet_id = read_packet_id(in);
  // 5.0 leaves out the reason when it is 0x00, and the properties when there are none (3.4.2.1).
  if (version == Version::v5 && !in.empty()) {
    out.reason = static_cast<Reason>(in.u8());
    if (!in.empty()) decode_properties(in, owner_of(frame.type), out.properties);
  }
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Subscribe& out) {
  Reader in(frame.body);
  out.packet_id = read_packet_id(in);
  read_properties(in, version, PropertyOwner::subscribe, out.properties);
  while (!in.empty()) {
    SubscribeEntry entry;
    entry.filter = in.utf8();
    const auto options = in.u8();
    const std::uint8_t reserved = version == Version::v5 ? 0xC0 : 0xFC;
    if ((options & reserved) != 0) {
      in.fail(Reason::malformed_packet, "reserved subscription options are set");
    }
    if ((options & 3) == 3) in.fail(Reason::protocol_error, "QoS 3 is not defined");
    entry.qos = static_cast<Qos>(options & 3);
    entry.no_local = (options & 4) != 0;
    entry.retain_as_published = (options & 8) != 0;
    entry.retain_handling = (options >> 4) & 3;
    if (entry.retain_handling == 3) {
      in.fail(Reason::protocol_error, "retain handling 3 is not defined");
    }
    if (entry.no_local && is_shared_filter(entry.filter)) {
      in.fail(Reason::protocol_error, "no local on a shared subscription");  // [MQTT-3.8.3-4]
    }
    if (!in.fault()) out.entries.push_back(entry);
  }
  if (out.entries.empty()) in.fail(Reason::protocol_error, "SUBSCRIBE without a topic filter");
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Suback& out) {
  Reader in(frame.body);
  out.packet_id = read_packet_id(in);
  read_properties(in, version, PropertyOwner::suback, out.properties);
  read_reasons(in, out.reasons);
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Unsubscribe& out) {
  Reader in(frame.body);
  out.packet_id = read_packet_id(in);
  read_properties(in, version, PropertyOwner::unsubscribe, out.properties);
  while (!in.empty()) {
    const auto filter = in.utf8();
    if (!in.fault()) out.filters.push_back(filter);
  }
  if (out.filters.empty()) in.fail(Reason::protocol_error, "UNSUBSCRIBE without a topic filter");
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Unsuback& out) {
  Reader in(frame.body);
  out.packet_id = read_packet_id(in);
  if (version == Version::v5) {
    decode_properties(in, PropertyOwner::unsuback, out.properties);
    read_reasons(in, out.reasons);
  }
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Disconnect& out) {
  Reader in(frame.body);
  if (version == Version::v5 && !in.empty()) {
    out.reason = static_cast<Reason>(in.u8());
    if (!in.empty()) decode_properties(in, PropertyOwner::disconnect, out.properties);
  }
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Auth& out) {
  if (version != Version::v5) return {Reason::malformed_packet, "packet type 15 is reserved"};
  Reader in(frame.body);
  if (!in.empty()) {
    out.reason = static_cast<Reason>(in.u8());
    if (!in.empty()) decode_properties(in, PropertyOwner::auth, out.properties);
  }
  return finish(in);
}

Fault decode(const Frame& frame, Version version, Packet& out) {
  switch (frame.type) {
    case PacketType::connect:
      return decode(frame, out.emplace<Connect>());
    case PacketType::connack:
      return decode(frame, version, out.emplace<Connack>());
    case PacketType::publish:
      return decode(frame, version, out.emplace<Publish>());
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return decode(frame, version, out.emplace<Ack>());
    case PacketType::subscribe:
      return decode(frame, version, out.emplace<Subscribe>());
    case PacketType::suback:
      return decode(frame, version, out.emplace<Suback>());
    case PacketType::unsubscribe:
      return decode(frame, version, out.emplace<Unsubscribe>());
    case PacketType::unsuback:
      return decode(frame, version, out.emplace<Unsuback>());
    case PacketType::pingreq:
    case PacketType::pingresp:
      if (frame.type == PacketType::pingreq) {
        out.emplace<Pingreq>();
      } else {
        out.emplace<Pingresp>();
      }
      return frame.body.empty() ? Fault{} : Fault{Reason::malformed_packet, trailing};
    case PacketType::disconnect:
      return decode(frame, version, out.emplace<Disconnect>());
    case PacketType::auth:
      return decode(frame, version, out.emplace<Auth>());
  }
  return {Reason::malformed_packet, "packet type 0 is reserved"};
}

}  // namespace pulse::mqtt
