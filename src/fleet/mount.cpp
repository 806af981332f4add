#include "fleet/mounts.hpp"

namespace pulse::fleet {

void mount(http::Router& api, const FleetDeps& deps) {
  mount_sites(api, deps);
  mount_devices(api, deps);
  mount_device_positions(api, deps);
  mount_device_changes(api, deps);
  mount_device_tokens(api, deps);
  mount_device_import(api, deps);
  mount_labels(api, deps);
  mount_import_jobs(api, deps);
  mount_provisioning_keys(api, deps);
  mount_device_tags(api, deps);
  mount_device_connections(api, deps);
  mount_certificates(api, deps);
  mount_certificate_issue(api, deps);
  mount_certificate_authorities(api, deps);
  mount_operator_certificates(api, deps);
  mount_templates(api, deps);
  mount_template_parts(api, deps);
  mount_template_check(api, deps);
  mount_modules(api, deps);
  mount_sensors(api, deps);
  mount_transports(api, deps);
  mount_connection(api, deps);
  mount_device_plan(api, deps);
  mount_device_attributes(api, deps);
  mount_device_health(api, deps);
  mount_commands(api, deps);
  mount_twin(api, deps);
  mount_groups(api, deps);
  mount_bulk(api, deps);
  mount_overview(api, deps);
  mount_jobs(api, deps);
  mount_firmware(api, deps);
  mount_firmware_uploads(api, deps);
  mount_firmware_signatures(api, deps);
  mount_campaigns(api, deps);
}

}  // namespace pulse::fleet
