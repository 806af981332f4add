#pragma once
// What each file of this room mounts; a new resource adds its line here and in mount.cpp.
#include "fleet/deps.hpp"

namespace pulse::fleet {

void mount_sites(http::Router& api, const FleetDeps& deps);
void mount_devices(http::Router& api, const FleetDeps& deps);
void mount_device_changes(http::Router& api, const FleetDeps& deps);
void mount_device_tokens(http::Router& api, const FleetDeps& deps);
void mount_device_tags(http::Router& api, const FleetDeps& deps);
void mount_device_parts(http::Router& api, const FleetDeps& deps);
void mount_templates(http::Router& api, const FleetDeps& deps);
void mount_template_parts(http::Router& api, const FleetDeps& deps);
void mount_groups(http::Router& api, const FleetDeps& deps);
void mount_bulk(http::Router& api, const FleetDeps& deps);
void mount_overview(http::Router& api, const FleetDeps& deps);

}  // namespace pulse::fleet
