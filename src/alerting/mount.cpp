#include "alerting/mounts.hpp"

namespace pulse::alerting {

void mount(http::Router& api, const AlertingDeps& deps) {
  mount_rules(api, deps);
  mount_rule_preview(api, deps);
  mount_rule_transfer(api, deps);
  mount_rule_templates(api, deps);
  mount_metric_catalog(api, deps);
  mount_metric_names(api, deps);
}

}  // namespace pulse::alerting
