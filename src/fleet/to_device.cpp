#include "fleet/to_device.hpp"

#include <algorithm>

namespace pulse::fleet {

namespace {

constexpr std::string_view prefix = "pulse.device.";

}  // namespace

std::string to_device_subject(std::string_view tenant, std::string_view device,
                              std::string_view kind) {
  std::string out(prefix);
  out.append(tenant).append(".").append(device).append(".");
  if (kind.empty()) return out.append(">");
  out.append(kind);
  std::replace(out.end() - static_cast<std::ptrdiff_t>(kind.size()), out.end(), '/', '.');
  return out;
}

std::optional<DeviceTarget> target_of(std::string_view subject) {
  if (!subject.starts_with(prefix)) return std::nullopt;
  subject.remove_prefix(prefix.size());
  const auto tenant_end = subject.find('.');
  if (tenant_end == std::string_view::npos) return std::nullopt;
  const auto device_end = subject.find('.', tenant_end + 1);
  if (device_end == std::string_view::npos) return std::nullopt;
  DeviceTarget out;
  out.tenant = subject.substr(0, tenant_end);
  out.device = subject.substr(tenant_end + 1, device_end - tenant_end - 1);
  out.kind = subject.substr(device_end + 1);
  std::replace(out.kind.begin(), out.kind.end(), '.', '/');
  return out;
}

bool send_to_device(nats::Client& nats, std::string_view tenant, std::string_view device,
                    std::string_view kind, std::string_view payload) {
  return nats.publish(to_device_subject(tenant, device, kind), payload);
}

}  // namespace pulse::fleet
