#include "fleet/topics.hpp"

#include <array>

#include "platform/json/rules.hpp"
#include "platform/mqtt/topic.hpp"

namespace pulse::fleet {

namespace {

constexpr std::string_view cloud_to_device[] = {"shadow/desired", "commands", "jobs/notify", "ota"};

/// The part before the next '/', which is cut off `text` with it; nothing when there is no '/'.
std::optional<std::string_view> level(std::string_view& text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto out = text.substr(0, slash);
  text.remove_prefix(slash + 1);
  return out;
}

std::string prefix_of(std::string_view tenant, std::string_view device) {
  std::string out = "tenant/";
  return out.append(tenant).append("/device/").append(device).append("/");
}

}  // namespace

std::optional<DeviceTopic> parse_topic(std::string_view topic) {
  DeviceTopic out;
  const auto tenant_word = level(topic);
  if (!tenant_word || *tenant_word != "tenant") return std::nullopt;
  const auto tenant = level(topic);
  const auto device_word = level(topic);
  if (!tenant || !device_word || *device_word != "device") return std::nullopt;
  const auto device = level(topic);
  if (!device || topic.empty() || !json::matches_identifier(*tenant) ||
      !json::matches_identifier(*device))
    return std::nullopt;
  return DeviceTopic{*tenant, *device, topic};
}

std::string topic_of(std::string_view tenant, std::string_view device, std::string_view kind) {
  return prefix_of(tenant, device).append(kind);
}

bool device_to_cloud(std::string_view kind) {
  return kind == "telemetry" || kind == "heartbeat" || kind == "shadow/reported" ||
         kind == "commands/ack" || kind == "ota/status";
}

bool may_publish(std::string_view tenant, std::string_view device, std::string_view topic) {
  const auto t = parse_topic(topic);
  return t && t->tenant == tenant && t->device == device && device_to_cloud(t->kind);
}

bool may_subscribe(std::string_view tenant, std::string_view device, std::string_view filter) {
  if (!mqtt::is_valid_topic_filter(filter) || mqtt::is_shared_filter(filter)) return false;
  const auto prefix = prefix_of(tenant, device);
  if (!filter.starts_with(prefix)) return false;
  for (const auto kind : cloud_to_device)
    if (mqtt::topic_matches(filter, prefix + std::string(kind))) return true;
  return false;
}

std::optional<DeviceIdentity> parse_identity(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto tenant = text.substr(0, slash), device = text.substr(slash + 1);
  if (!json::matches_identifier(tenant) || !json::matches_identifier(device)) return std::nullopt;
  return DeviceIdentity{std::string(tenant), std::string(device)};
}

}  // namespace pulse::fleet
