#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/mqtt/reason.hpp"
#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {

/// Where a set of properties stands. Values up to 15 are packet types (section 2.1.2).
enum class PropertyOwner : std::uint8_t {
  will = 0,
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
  disconnect = 14,
  auth = 15,
};

/// The properties of MQTT 5.0 (section 2.2.2.2), each with its type; absent is nullopt. Views point
/// into the packet (decoding) or to the caller's memory (encoding). 3.1.1 has none of these.
struct Properties {
  std::optional<std::uint8_t> payload_format_indicator;             // 0x01
  std::optional<std::uint32_t> message_expiry_interval_s;           // 0x02
  std::optional<std::string_view> content_type;                     // 0x03
  std::optional<std::string_view> response_topic;                   // 0x08
  std::optional<std::string_view> correlation_data;                 // 0x09
  std::optional<std::uint32_t> session_expiry_interval_s;           // 0x11
  std::optional<std::string_view> assigned_client_identifier;       // 0x12
  std::optional<std::uint16_t> server_keep_alive_s;                 // 0x13
  std::optional<std::string_view> authentication_method;            // 0x15
  std::optional<std::string_view> authentication_data;              // 0x16
  std::optional<std::uint8_t> request_problem_information;          // 0x17
  std::optional<std::uint32_t> will_delay_interval_s;               // 0x18
  std::optional<std::uint8_t> request_response_information;         // 0x19
  std::optional<std::string_view> response_information;             // 0x1A
  std::optional<std::string_view> server_reference;                 // 0x1C
  std::optional<std::string_view> reason_string;                    // 0x1F
  std::optional<std::uint16_t> receive_maximum;                     // 0x21
  std::optional<std::uint16_t> topic_alias_maximum;                 // 0x22
  std::optional<std::uint16_t> topic_alias;                         // 0x23
  std::optional<std::uint8_t> maximum_qos;                          // 0x24
  std::optional<std::uint8_t> retain_available;                     // 0x25
  std::optional<std::uint32_t> maximum_packet_size;                 // 0x27
  std::optional<std::uint8_t> wildcard_subscription_available;      // 0x28
  std::optional<std::uint8_t> subscription_identifiers_available;   // 0x29
  std::optional<std::uint8_t> shared_subscription_available;        // 0x2A
  std::vector<std::uint32_t> subscription_identifiers;              // 0x0B
  std::vector<std::pair<std::string_view, std::string_view>> user;  // 0x26

  bool operator==(const Properties&) const = default;
};

/// Reads a property length and the properties from `in` (section 2.2.2). On error `in` holds the
/// fault: malformed packet for an unknown or misplaced identifier, protocol error for one that
/// comes twice or has a forbidden value.
void decode_properties(Reader& in, PropertyOwner owner, Properties& out);

/// Appends property length and properties, in ascending order of identifier.
void encode_properties(std::string& out, const Properties& properties);

}  // namespace pulse::mqtt
