#pragma once
// What the stream ALERTS tells: one message a transition, on `alerts.{tenant}`.
#include <optional>
#include <string>

#include "platform/clock.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting {

/// An alert as it was right after the event.
struct AlertSnapshot {
  std::int64_t alert_id = 0;
  std::string tenant_id;
  Time created_at;
  std::optional<Time> closed_at;
  std::string device_id, site_id, alert_type, fingerprint, status;
  std::int64_t severity = 0;
  double confidence = 1;
  std::string summary;
  boost::json::object details;
  std::optional<Time> silenced_until;
  std::optional<std::string> acknowledged_by;
  std::optional<Time> acknowledged_at;
  std::int64_t escalation_level = 0;
  std::optional<Time> escalated_at;
  std::int64_t trigger_count = 1;
  std::optional<Time> last_triggered_at;
  std::optional<std::string> rule_id, close_reason;
};
BOOST_DESCRIBE_STRUCT(AlertSnapshot, (),
                      (alert_id, tenant_id, created_at, closed_at, device_id, site_id, alert_type,
                       fingerprint, status, severity, confidence, summary, details, silenced_until,
                       acknowledged_by, acknowledged_at, escalation_level, escalated_at,
                       trigger_count, last_triggered_at, rule_id, close_reason))

/// One transition. `event` is OPEN, ACKNOWLEDGED, SILENCED, ESCALATED or CLOSED.
struct AlertEvent {
  std::int64_t event_id = 0;  ///< grows with each event of an alert
  std::string event;
  Time at;
  std::optional<std::string> actor;  ///< the person; none: Pulse itself
  boost::json::object details;
  AlertSnapshot alert;
};
BOOST_DESCRIBE_STRUCT(AlertEvent, (), (event_id, event, at, actor, details, alert))

}  // namespace pulse::alerting
