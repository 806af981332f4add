#pragma once
// What follows a change of rules or of a metric's name.
#include <string>

#include "alerting/deps.hpp"
#include "telemetry/readings.hpp"

namespace pulse::alerting {

/// Has evaluators read the rules, and tells pages.
inline void rules_felt(const AlertingDeps& d, const tenancy::TenantCaller& caller) {
  d.nats->publish(telemetry::rules_changed_subject, caller.tenant());
  tell_pages(d, caller.tenant(), "alert-rules");
}

/// Writes down what happened to a rule.
inline void rule_told(const AlertingDeps& d, const tenancy::TenantCaller& caller,
                      const std::string& action, const std::string& rule_id, std::string message,
                      boost::json::object details = {}) {
  d.audit->write(tenancy::AuditLog::of(caller, "config_changed", action, "rule", rule_id,
                                       std::move(message), std::move(details)));
}

/// Both of a metric: `entity` is normalized_metric, metric_mapping or metric_catalog.
inline void metric_told(const AlertingDeps& d, const tenancy::TenantCaller& caller,
                        const std::string& action, const std::string& entity,
                        const std::string& name, std::string message,
                        boost::json::object details = {}) {
  d.nats->publish(telemetry::rules_changed_subject, caller.tenant());
  tell_pages(d, caller.tenant(), "metric-names");
  d.audit->write(tenancy::AuditLog::of(caller, "config_changed", action, entity, name,
                                       std::move(message), std::move(details)));
}

}  // namespace pulse::alerting
