#pragma once
#include <cstdint>
#include <string_view>

namespace pulse::mqtt {

/// Protocol level of a connection, as it stands in CONNECT (3.1.1 and 5.0: section 3.1.2.2).
enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

/// Delivery guarantee of one message (section 4.3).
enum class Qos : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

/// Reason codes of MQTT 5.0 (section 2.4). 0x00 also means "normal disconnection" and
/// "granted QoS 0". 3.1.1 has few codes of its own: see connack_code_v311.
enum class Reason : std::uint8_t {
  success = 0x00,
  granted_qos1 = 0x01,
  granted_qos2 = 0x02,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  reauthenticate = 0x19,
  unspecified = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

/// True for codes that report a failure (0x80 and up; section 2.4).
constexpr bool is_failure(Reason reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }

/// Short English name as in the table of section 2.4; "unknown reason" for unassigned values.
std::string_view reason_name(Reason reason);

/// The CONNACK return code of 3.1.1 (section 3.2.2.3, 0 to 5) nearest to a reason of 5.0.
std::uint8_t connack_code_v311(Reason reason);

/// The reason of 5.0 that a CONNACK return code of 3.1.1 means.
Reason reason_of_connack_v311(std::uint8_t code);

/// Why bytes of a peer are not acceptable. `text` has static storage.
struct Fault {
  Reason reason = Reason::success;
  std::string_view text;
  explicit operator bool() const { return reason != Reason::success; }
};

}  // namespace pulse::mqtt
