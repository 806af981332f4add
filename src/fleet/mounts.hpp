#pragma once
// What each file of this room mounts; a new resource adds its line here and in mount.cpp.
#include "fleet/deps.hpp"

namespace pulse::fleet {

void mount_sites(http::Router& api, const FleetDeps& deps);
void mount_devices(http::Router& api, const FleetDeps& deps);
void mount_device_positions(http::Router& api, const FleetDeps& deps);
void mount_device_changes(http::Router& api, const FleetDeps& deps);
void mount_device_tokens(http::Router& api, const FleetDeps& deps);
void mount_device_import(http::Router& api, const FleetDeps& deps);
void mount_labels(http::Router& api, const FleetDeps& deps);
void mount_import_jobs(http::Router& api, const FleetDeps& deps);
void mount_provisioning_keys(http::Router& api, const FleetDeps& deps);
void mount_device_tags(http::Router& api, const FleetDeps& deps);
void mount_device_connections(http::Router& api, const FleetDeps& deps);
void mount_certificates(http::Router& api, const FleetDeps& deps);
void mount_certificate_issue(http::Router& api, const FleetDeps& deps);
void mount_certificate_authorities(http::Router& api, const FleetDeps& deps);
void mount_operator_certificates(http::Router& api, const FleetDeps& deps);
void mount_templates(http::Router& api, const FleetDeps& deps);
void mount_template_parts(http::Router& api, const FleetDeps& deps);
void mount_template_check(http::Router& api, const FleetDeps& deps);
void mount_modules(http::Router& api, const FleetDeps& deps);
void mount_sensors(http::Router& api, const FleetDeps& deps);
void mount_transports(http::Router& api, const FleetDeps& deps);
void mount_connection(http::Router& api, const FleetDeps& deps);
void mount_device_plan(http::Router& api, const FleetDeps& deps);
void mount_device_attributes(http::Router& api, const FleetDeps& deps);
void mount_device_health(http::Router& api, const FleetDeps& deps);
void mount_commands(http::Router& api, const FleetDeps& deps);
void mount_twin(http::Router& api, const FleetDeps& deps);
void mount_groups(http::Router& api, const FleetDeps& deps);
void mount_bulk(http::Router& api, const FleetDeps& deps);
void mount_overview(http::Router& api, const FleetDeps& deps);
void mount_jobs(http::Router& api, const FleetDeps& deps);
void mount_firmware(http::Router& api, const FleetDeps& deps);
void mount_firmware_uploads(http::Router& api, const FleetDeps& deps);
void mount_firmware_signatures(http::Router& api, const FleetDeps& deps);
void mount_campaigns(http::Router& api, const FleetDeps& deps);

}  // namespace pulse::fleet
