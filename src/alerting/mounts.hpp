#pragma once
// What each file of this room mounts; a new resource adds its line here and in mount.cpp.
#include "alerting/deps.hpp"

namespace pulse::alerting {

void mount_escalation(http::Router& api, const AlertingDeps& deps);
void mount_oncall(http::Router& api, const AlertingDeps& deps);
void mount_oncall_feeds(http::Router& api, const AlertingDeps& deps);
void mount_oncall_views(http::Router& api, const AlertingDeps& deps);
void mount_notification_channels(http::Router& api, const AlertingDeps& deps);
void mount_notification_routing(http::Router& api, const AlertingDeps& deps);
void mount_notification_log(http::Router& api, const AlertingDeps& deps);
void mount_rules(http::Router& api, const AlertingDeps& d);
void mount_rule_preview(http::Router& api, const AlertingDeps& d);
void mount_rule_transfer(http::Router& api, const AlertingDeps& d);
void mount_rule_templates(http::Router& api, const AlertingDeps& d);
void mount_metric_catalog(http::Router& api, const AlertingDeps& d);
void mount_metric_names(http::Router& api, const AlertingDeps& d);
void mount_inbox(http::Router& api, const AlertingDeps& deps);
void mount_maintenance(http::Router& api, const AlertingDeps& deps);
void mount_digests(http::Router& api, const AlertingDeps& deps);

}  // namespace pulse::alerting
