#include "platform/mqtt/properties.hpp"

namespace pulse::mqtt {
namespace {

using Owner = PropertyOwner;

constexpr std::uint32_t bit(Owner owner) { return 1u << static_cast<std::uint8_t>(owner); }

template <class... Owners>
constexpr std::uint32_t in(Owners... owners) {
  return (bit(owners) | ...);
}

constexpr std::uint32_t message = in(Owner::publish, Owner::will);
constexpr std::uint32_t answers =
    in(Owner::connack, Owner::puback, Owner::pubrec, Owner::pubrel, Owner::pubcomp, Owner::suback,
       Owner::unsuback, Owner::disconnect, Owner::auth);
constexpr std::uint32_t everywhere =
    answers | message | in(Owner::connect, Owner::subscribe, Owner::unsubscribe);

/// In which packets an identifier may stand (table 2-4).
constexpr std::uint32_t allowed_in(std::uint32_t id) {
  switch (id) {
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x08:
    case 0x09:
      return message;
    case 0x0B:
      return in(Owner::publish, Owner::subscribe);
    case 0x11:
      return in(Owner::connect, Owner::connack, Owner::disconnect);
    case 0x12:
    case 0x13:
    case 0x1A:
      return in(Owner::connack);
    case 0x15:
    case 0x16:
      return in(Owner::connect, Owner::connack, Owner::auth);
    case 0x17:
    case 0x19:
      return in(Owner::connect);
    case 0x18:
      return in(Owner::will);
    case 0x1C:
      return in(Owner::connack, Owner::disconnect);
    case 0x1F:
      return answers;
    case 0x21:
    case 0x22:
    case 0x27:
      return in(Owner::connect, Owner::connack);
    case 0x23:
      return in(Owner::publish);
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
      return in(Owner::connack);
    case 0x26:
      return everywhere;
    default:
      return 0;
  }
}

std::uint8_t read_flag(Reader& in) {
  const auto value = in.u8();
  if (value > 1) in.fail(Reason::protocol_error, "property must be 0 or 1");
  return value;
}

template <class Int>
Int nonzero(Reader& in, Int value) {
  if (value == 0 && !in.fault()) in.fail(Reason::protocol_error, "property must not be 0");
  return value;
}

template <class T, class Value>
void set_once(Reader& in, std::optional<T>& field, Value value) {
  if (field) return in.fail(Reason::protocol_error, "property appears more than once");
  field = value;
}

/// Receive Maximum and Maximum Packet Size must not be 0; a Topic Alias of 0 has its own reason
/// code, given where aliases are resolved.
void read_property(Reader& in, std::uint32_t id, Owner owner, Properties& p) {
  switch (id) {
    case 0x01:
      return set_once(in, p.payload_format_indicator, read_flag(in));
    case 0x02:
      return set_once(in, p.message_expiry_interval_s, in.u32());
    case 0x03:
      return set_once(in, p.content_type, in.utf8());
    case 0x08:
      return set_once(in, p.response_topic, in.utf8());
    case 0x09:
      return set_once(in, p.correlation_data, in.binary());
    case 0x0B:
      // One per SUBSCRIBE; a PUBLISH carries one for each matching subscription (3.3.2.3.8).
      if (owner == Owner::subscribe && !p.subscription_identifiers.empty()) {
        return in.fail(Reason::protocol_error, "property appears more than once");
      }
      p.subscription_identifiers.push_back(nonzero(in, in.varint()));
      return;
    case 0x11:
      return set_once(in, p.session_expiry_interval_s, in.u32());
    case 0x12:
      return set_once(in, p.assigned_client_identifier, in.utf8());
    case 0x13:
      return set_once(in, p.server_keep_alive_s, in.u16());
    case 0x15:
      return set_once(in, p.authentication_method, in.utf8());
    case 0x16:
      return set_once(in, p.authentication_data, in.binary());
    case 0x17:
      return set_once(in, p.request_problem_information, read_flag(in));
    case 0x18:
      return set_once(in, p.will_delay_interval_s, in.u32());
    case 0x19:
      return set_once(in, p.request_response_information, read_flag(in));
    case 0x1A:
      return set_once(in, p.response_information, in.utf8());
    case 0x1C:
      return set_once(in, p.server_reference, in.utf8());
    case 0x1F:
      return set_once(in, p.reason_string, in.utf8());
    case 0x21:
      return set_once(in, p.receive_maximum, nonzero(in, in.u16()));
    case 0x22:
      return set_once(in, p.topic_alias_maximum, in.u16());
    case 0x23:
      return set_once(in, p.topic_alias, in.u16());
    case 0x24:
      return set_once(in, p.maximum_qos, read_flag(in));
    case 0x25:
      return set_once(in, p.retain_available, read_flag(in));
    case 0x26: {
      const auto name = in.utf8();
      p.user.emplace_back(name, in.utf8());
      return;
    }
    case 0x27:
      return set_once(in, p.maximum_packet_size, nonzero(in, in.u32()));
    case 0x28:
      return set_once(in, p.wildcard_subscription_available, read_flag(in));
    case 0x29:
      return set_once(in, p.subscription_identifiers_available, read_flag(in));
    case 0x2A:
      return set_once(in, p.shared_subscription_available, read_flag(in));
    default:
      return in.fail(Reason::malformed_packet, "unknown property identifier");
  }
}

void put(std::string& out, std::uint8_t id, const std::optional<std::uint8_t>& value) {
  if (value) put_u8(out, id), put_u8(out, *value);
}
void put(std::string& out, std::uint8_t id, const std::optional<std::uint16_t>& value) {
  if (value) put_u8(out, id), put_u16(out, *value);
}
void put(std::string& out, std::uint8_t id, const std::optional<std::uint32_t>& value) {
  if (value) put_u8(out, id), put_u32(out, *value);
}
void put(std::string& out, std::uint8_t id, const std::optional<std::string_view>& value) {
  if (value) put_u8(out, id), put_binary(out, *value);
}

}  // namespace

void decode_properties(Reader& in, PropertyOwner owner, Properties& out) {
  Reader block(in.bytes(in.varint()));
  if (in.fault()) return;
  while (!block.empty() && !block.fault()) {
    const auto id = block.varint();
    if (block.fault()) break;
    const auto allowed = allowed_in(id);
    if (allowed == 0) {
      block.fail(Reason::malformed_packet, "unknown property identifier");
    } else if ((allowed & bit(owner)) == 0) {
      block.fail(Reason::malformed_packet, "property is not allowed in this packet");
    } else {
      read_property(block, id, owner, out);
    }
  }
  if (block.fault()) in.fail(block.fault().reason, block.fault().text);
}

void encode_properties(std::string& out, const Properties& p) {
  std::string block;
  put(block, 0x01, p.payload_format_indicator);
  put(block, 0x02, p.message_expiry_interval_s);
  put(block, 0x03, p.content_type);
  put(block, 0x08, p.response_topic);
  put(block, 0x09, p.correlation_data);
  for (const auto id : p.subscription_identifiers) put_u8(block, 0x0B), put_varint(block, id);
  put(block, 0x11, p.session_expiry_interval_s);
  put(block, 0x12, p.assigned_client_identifier);
  put(block, 0x13, p.server_keep_alive_s);
  put(block, 0x15, p.authentication_method);
  put(block, 0x16, p.authentication_data);
  put(block, 0x17, p.request_problem_information);
  put(block, 0x18, p.will_delay_interval_s);
  put(block, 0x19, p.request_response_information);
  put(block, 0x1A, p.response_information);
  put(block, 0x1C, p.server_reference);
  put(block, 0x1F, p.reason_string);
  put(block, 0x21, p.receive_maximum);
  put(block, 0x22, p.topic_alias_maximum);
  put(block, 0x23, p.topic_alias);
  put(block, 0x24, p.maximum_qos);
  put(block, 0x25, p.retain_available);
  for (const auto& [name, value] : p.user) {
    put_u8(block, 0x26), put_binary(block, name), put_binary(block, value);
  }
  put(block, 0x27, p.maximum_packet_size);
  put(block, 0x28, p.wildcard_subscription_available);
  put(block, 0x29, p.subscription_identifiers_available);
  put(block, 0x2A, p.shared_subscription_available);
  put_varint(out, static_cast<std::uint32_t>(block.size()));
  out += block;
}

}  // namespace pulse::mqtt
