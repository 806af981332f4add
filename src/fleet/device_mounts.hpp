#pragma once
// What each file mounts of the devices' own API; a new one adds its line here and in
// device_api.cpp.
#include "fleet/device_api.hpp"

namespace pulse::fleet {

void mount_device_shadow(http::Router& api, const DeviceApiDeps& deps);
void mount_device_commands(http::Router& api, const DeviceApiDeps& deps);
void mount_device_jobs(http::Router& api, const DeviceApiDeps& deps);

}  // namespace pulse::fleet
