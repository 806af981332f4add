#include "alerting/mounts.hpp"

namespace pulse::alerting {

void mount(http::Router& api, const AlertingDeps& deps) {
  mount_escalation(api, deps);
  mount_oncall(api, deps);
  mount_oncall_feeds(api, deps);
  mount_oncall_views(api, deps);
  mount_notification_channels(api, deps);
  mount_notification_routing(api, deps);
  mount_notification_log(api, deps);
  mount_rules(api, deps);
  mount_rule_preview(api, deps);
  mount_rule_transfer(api, deps);
  mount_rule_templates(api, deps);
  mount_metric_catalog(api, deps);
  mount_metric_names(api, deps);
  mount_inbox(api, deps);
  mount_maintenance(api, deps);
  mount_digests(api, deps);
}

}  // namespace pulse::alerting
