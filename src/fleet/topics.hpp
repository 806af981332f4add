#pragma once
// What a device may publish to and subscribe to: the same rules for our own endpoint and for the
// hooks of an outside broker.
#include <optional>
#include <string>
#include <string_view>

namespace pulse::fleet {

/// A device's topic "tenant/{tenant}/device/{device}/{kind}", taken apart.
struct DeviceTopic {
  std::string_view tenant, device, kind;
};
/// Nothing when the topic is not of that form or an id has other characters than [A-Za-z0-9_-].
std::optional<DeviceTopic> parse_topic(std::string_view topic);

/// The topic itself.
std::string topic_of(std::string_view tenant, std::string_view device, std::string_view kind);

/// True for what devices send: telemetry, heartbeat, shadow/reported, commands/ack, ota/status.
bool device_to_cloud(std::string_view kind);

bool may_publish(std::string_view tenant, std::string_view device, std::string_view topic);
/// Filters within the device's own cloud-to-device topics; wildcards only below its own prefix.
bool may_subscribe(std::string_view tenant, std::string_view device, std::string_view filter);

/// "{tenant}/{device}" of a user name or certificate, both ids valid; nothing otherwise.
struct DeviceIdentity {
  std::string tenant, device;
};
std::optional<DeviceIdentity> parse_identity(std::string_view text);

}  // namespace pulse::fleet
