#pragma once
// From Pulse to a device. What is new goes out at once, as a core NATS message that every process
// serving devices gets; what the device has not seen lies in the tables and is looked up whenever
// it subscribes. So no process has to remember anything, and none has to know where a device is
// connected.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/task.hpp"

namespace pulse::fleet {

/// A message for one of a device's cloud-to-device topics.
struct DeviceMessage {
  std::string payload;
  bool retained = false;  ///< what stands there, as against what happens: MQTT's RETAIN flag
};

/// What waits for a device that has just subscribed, oldest first; looked up in the tables.
using PendingMessages =
    std::function<Task<std::vector<DeviceMessage>>(std::string tenant, std::string device)>;
/// By kind, the part of the topic after the device: "shadow/desired", "commands", "jobs/notify",
/// "ota".
using PendingByKind = std::map<std::string, PendingMessages, std::less<>>;

/// Sends to the device's sessions that are subscribed to `tenant/{t}/device/{d}/{kind}`, by QoS 1.
/// False when NATS is out of reach: what must arrive has to be in a table and is sent again by its
/// job. Who is subscribed already gets no RETAIN flag [MQTT-3.3.1-9], so none is asked for.
bool send_to_device(nats::Client& nats, std::string_view tenant, std::string_view device,
                    std::string_view kind, std::string_view payload);

/// The core NATS subject of these messages; `kind` may be empty for the subject of all kinds.
std::string to_device_subject(std::string_view tenant, std::string_view device,
                              std::string_view kind);
/// Every such subject.
inline constexpr const char* to_any_device = "pulse.device.>";

/// Where a message on such a subject goes.
struct DeviceTarget {
  std::string tenant, device, kind;
};
/// Nothing for any other subject.
std::optional<DeviceTarget> target_of(std::string_view subject);

}  // namespace pulse::fleet
