#include "fleet/mounts.hpp"

namespace pulse::fleet {

void mount(http::Router& api, const FleetDeps& deps) {
  mount_sites(api, deps);
  mount_devices(api, deps);
  mount_device_changes(api, deps);
  mount_device_tokens(api, deps);
  mount_device_tags(api, deps);
  mount_device_parts(api, deps);
  mount_templates(api, deps);
  mount_template_parts(api, deps);
  mount_groups(api, deps);
  mount_bulk(api, deps);
  mount_overview(api, deps);
}

}  // namespace pulse::fleet
