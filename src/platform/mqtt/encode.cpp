#include "platform/mqtt/packet.hpp"
#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {
namespace {

void put_header(std::string& out, PacketType type, std::uint8_t flags, std::size_t length) {
  if (length > varint_max) length = static_cast<std::size_t>(varint_max) + 1;  // put_varint throws
  put_u8(out, static_cast<std::uint8_t>(static_cast<std::uint8_t>(type) << 4 | flags));
  put_varint(out, static_cast<std::uint32_t>(length));
}

void put_packet(std::string& out, PacketType type, std::uint8_t flags, std::string_view body) {
  put_header(out, type, flags, body.size());
  out.append(body);
}

void put_properties(std::string& out, Version version, const Properties& properties) {
  if (version == Version::v5) encode_properties(out, properties);
}

void put_reasons(std::string& out, Version version, const std::vector<Reason>& reasons) {
  for (const auto reason : reasons) {
    // 3.1.1 knows the granted QoS and 0x80, nothing finer (section 3.9.3).
    const bool coarse = version == Version::v311 && is_failure(reason);
    put_u8(out, coarse ? 0x80 : static_cast<std::uint8_t>(reason));
  }
}

bool has_any(const Properties& properties) { return properties != Properties{}; }

std::uint8_t fixed_flags(PacketType type) { return type == PacketType::pubrel ? 2 : 0; }

/// Body of packets that are a reason and properties, both left out when they say nothing.
std::string reason_body(Version version, Reason reason, const Properties& properties) {
  std::string body;
  if (version != Version::v5) return body;
  const bool with_properties = has_any(properties);
  if (reason != Reason::success || with_properties) put_u8(body, static_cast<std::uint8_t>(reason));
  if (with_properties) encode_properties(body, properties);
  return body;
}

}  // namespace

void encode(std::string& out, const Connect& packet) {
  std::string body;
  put_binary(body, "MQTT");
  put_u8(body, static_cast<std::uint8_t>(packet.version));
  std::uint8_t flags = packet.clean_start ? 0x02 : 0;
  if (packet.will) {
    flags |= 0x04 | static_cast<std::uint8_t>(packet.will->qos) << 3;
    if (packet.will->retain) flags |= 0x20;
  }
  if (packet.password) flags |= 0x40;
  if (packet.user_name) flags |= 0x80;
  put_u8(body, flags);
  put_u16(body, packet.keep_alive_s);
  put_properties(body, packet.version, packet.properties);
  put_binary(body, packet.client_id);
  if (packet.will) {
    put_properties(body, packet.version, packet.will->properties);
    put_binary(body, packet.will->topic);
    put_binary(body, packet.will->payload);
  }
  if (packet.user_name) put_binary(body, *packet.user_name);
  if (packet.password) put_binary(body, *packet.password);
  put_packet(out, PacketType::connect, 0, body);
}

void encode(std::string& out, Version version, const Connack& packet) {
  std::string body;
  put_u8(body, packet.session_present ? 1 : 0);
  put_u8(body, version == Version::v5 ? static_cast<std::uint8_t>(packet.reason)
                                      : connack_code_v311(packet.reason));
  put_properties(body, version, packet.properties);
  put_packet(out, PacketType::connack, 0, body);
}

void encode(std::string& out, Version version, const Publish& packet) {
  std::string properties;
  put_properties(properties, version, packet.properties);
  const bool with_id = packet.qos != Qos::at_most_once;
  const std::size_t length =
      2 + packet.topic.size() + (with_id ? 2 : 0) + properties.size() + packet.payload.size();
  const auto flags = static_cast<std::uint8_t>(
      (packet.dup ? 8 : 0) | static_cast<std::uint8_t>(packet.qos) << 1 | (packet.retain ? 1 : 0));
  put_header(out, PacketType::publish, flags, length);
  put_binary(out, packet.topic);
  if (with_id) put_u16(out, packet.packet_id);
  out.append(properties);
  out.append(packet.payload);
}

void encode(std::string& out, Version version, const Ack& packet) {
  std::string body;
  put_u16(body, packet.packet_id);
  body += reason_body(version, packet.reason, packet.properties);
  put_packet(out, packet.type, fixed_flags(packet.type), body);
}

void encode_ack(std::string& out, PacketType type, std::uint16_t packet_id) {
  put_header(out, type, fixed_flags(type), 2);
  put_u16(out, packet_id);
}

void encode(std::string& out, Version version, const Subscribe& packet) {
  std::string body;
  put_u16(body, packet.packet_id);
  put_properties(body, version, packet.properties);
  for (const auto& entry : packet.entries) {
    put_binary(body, entry.filter);
    auto options = static_cast<std::uint8_t>(entry.qos);
    if (version == Version::v5) {
      if (entry.no_local) options |= 0x04;
      if (entry.retain_as_published) options |= 0x08;
      options |= static_cast<std::uint8_t>(entry.retain_handling << 4);
    }
    put_u8(body, options);
  }
  put_packet(out, PacketType::subscribe, 2, body);
}

void encode(std::string& out, Version version, const Suback& packet) {
  std::string body;
  put_u16(body, packet.packet_id);
  put_properties(body, version, packet.properties);
  put_reasons(body, version, packet.reasons);
  put_packet(out, PacketType::suback, 0, body);
}

void encode(std::string& out, Version version, const Unsubscribe& packet) {
  std::string body;
  put_u16(body, packet.packet_id);
  put_properties(body, version, packet.properties);
  for (const auto filter : packet.filters) put_binary(body, filter);
  put_packet(out, PacketType::unsubscribe, 2, body);
}

void encode(std::string& out, Version version, const Unsuback& packet) {
  std::string body;
  put_u16(body, packet.packet_id);
  if (version == Version::v5) {
    encode_properties(body, packet.properties);
    put_reasons(body, version, packet.reasons);
  }
  put_packet(out, PacketType::unsuback, 0, body);
}

void encode(std::string& out, Version version, const Disconnect& packet) {
  put_packet(out, PacketType::disconnect, 0,
             reason_body(version, packet.reason, packet.properties));
}

void encode(std::string& out, Version version, const Auth& packet) {
  put_packet(out, PacketType::auth, 0, reason_body(version, packet.reason, packet.properties));
}

void encode_pingreq(std::string& out) { put_header(out, PacketType::pingreq, 0, 0); }

void encode_pingresp(std::string& out) { put_header(out, PacketType::pingresp, 0, 0); }

void encode(std::string& out, Version version, const Packet& packet) {
  std::visit(
      [&]<class P>(const P& p) {
        if constexpr (std::is_same_v<P, Connect>) {
          encode(out, p);
        } else if constexpr (std::is_same_v<P, Pingreq>) {
          encode_pingreq(out);
        } else if constexpr (std::is_same_v<P, Pingresp>) {
          encode_pingresp(out);
        } else {
          encode(out, version, p);
        }
      },
      packet);
}

}  // namespace pulse::mqtt
