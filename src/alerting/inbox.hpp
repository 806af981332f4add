#pragma once
// Alerts as people see and handle them: the list, one of them with what happened to it, and what is
// done to one or many.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/json/write.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

struct Alert {
  std::int64_t alert_id = 0;
  std::string tenant_id;
  Time created_at;
  std::optional<Time> closed_at;
  std::string device_id;
  std::optional<std::string> device_name;
  std::string site_id, alert_type, fingerprint, status;
  std::int64_t severity = 0;
  double confidence = 1;
  std::string summary;
  boost::json::object details;
  std::optional<Time> silenced_until;
  std::optional<std::string> acknowledged_by;
  std::optional<Time> acknowledged_at;
  std::optional<std::string> closed_by, close_reason;
  std::int64_t escalation_level = 0;
  std::optional<Time> escalated_at, next_escalation_at;
  std::int64_t trigger_count = 1;
  std::optional<Time> last_triggered_at;
  std::optional<std::string> rule_id, rule_name;
};
BOOST_DESCRIBE_STRUCT(Alert, (),
                      (alert_id, tenant_id, created_at, closed_at, device_id, device_name, site_id,
                       alert_type, fingerprint, status, severity, confidence, summary, details,
                       silenced_until, acknowledged_by, acknowledged_at, closed_by, close_reason,
                       escalation_level, escalated_at, next_escalation_at, trigger_count,
                       last_triggered_at, rule_id, rule_name))

/// A UUID as text.
bool is_id_of_rule(std::string_view text);

/// Which alerts. `status`: OPEN, ACKNOWLEDGED, CLOSED, ACTIVE (the first two) or ALL.
struct AlertFilter {
  std::optional<std::string> status;
  std::optional<std::int64_t> severity, min_severity;
  std::optional<std::string> device_id, site_id, rule_id, type, q;
  std::optional<Time> since;
  std::optional<bool> silenced;
};
BOOST_DESCRIBE_STRUCT(AlertFilter, (),
                      (status, severity, min_severity, device_id, site_id, rule_id, type, q, since,
                       silenced))

/// What the list is asked for: a filter's members, and which page.
struct AlertQuery {
  std::string status = "OPEN";
  std::int64_t limit = 50, offset = 0;
  std::optional<std::int64_t> severity, min_severity;
  std::optional<std::string> device_id, site_id, rule_id, type, q;
  std::optional<Time> since;
  std::optional<bool> silenced;
  std::optional<std::string> sort, cursor;
};
BOOST_DESCRIBE_STRUCT(AlertQuery, (),
                      (status, limit, offset, severity, min_severity, device_id, site_id, rule_id,
                       type, q, since, silenced, sort, cursor))

template <class T>
json::Rules<T> alert_filter_rules() {
  return json::rules<T>()
      .range(&T::severity, 1, 5)
      .range(&T::min_severity, 1, 5)
      .length(&T::device_id, 1, 128)
      .length(&T::site_id, 0, 128)
      .length(&T::type, 1, 100)
      .length(&T::q, 0, 200)
      .check("rule_id",
             [](const T& t) -> std::string {
               return !t.rule_id || is_id_of_rule(*t.rule_id) ? std::string() : "must be a UUID";
             })
      .describe(&T::status, "OPEN, ACKNOWLEDGED, CLOSED, ACTIVE (open or acknowledged) or ALL")
      .describe(&T::q, "Words of the summary, of the device's id or of its name")
      .describe(&T::since, "Opened at this moment or later")
      .describe(&T::silenced, "true: only those that are silenced now; false: only the others");
}
inline auto constraints(json::As<AlertFilter>) { return alert_filter_rules<AlertFilter>(); }
inline auto constraints(json::As<AlertQuery>) {
  return alert_filter_rules<AlertQuery>()
      .range(&AlertQuery::limit, 1, 200)
      .range(&AlertQuery::offset, 0, 10'000'000)
      .one_of(&AlertQuery::sort, {"-created_at", "created_at", "-severity", "-last_triggered_at"})
      .describe(&AlertQuery::cursor, "From next_cursor: the page after it, in the default order");
}

struct AlertPage {
  std::string tenant_id;
  std::vector<Alert> alerts;
  std::int64_t total = 0;
  std::string status_filter;
  std::int64_t limit = 0, offset = 0;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(AlertPage, (),
                      (tenant_id, alerts, total, status_filter, limit, offset, next_cursor))

/// Throws HttpError 400 for an unknown status, rule id or cursor.
Task<AlertPage> alerts_matching(tenancy::TenantDb db, std::string tenant_id, AlertQuery query);
Task<std::optional<Alert>> find_alert(tenancy::TenantDb db, std::int64_t alert_id);
/// The ids of at most `most` alerts that fit, oldest first. Throws as `alerts_matching`.
Task<std::vector<std::int64_t>> ids_of_alerts(tenancy::TenantDb db, AlertFilter filter, int most);

struct AlertTrendHour {
  Time hour;
  std::int64_t opened = 0, closed = 0;
};
BOOST_DESCRIBE_STRUCT(AlertTrendHour, (), (hour, opened, closed))
/// One row an hour, the present one last.
Task<std::vector<AlertTrendHour>> alert_trend(tenancy::TenantDb db, std::int64_t hours);

/// One thing that happened to an alert. REPEATED stands for all repeats, at the last of them.
struct AlertTimelineEntry {
  std::optional<std::int64_t> event_id;
  std::string event;
  Time at;
  std::optional<std::string> actor;
  boost::json::object details;
};
BOOST_DESCRIBE_STRUCT(AlertTimelineEntry, (), (event_id, event, at, actor, details))
/// Oldest first, at most 1000; nothing when there is no such alert.
Task<std::optional<std::vector<AlertTimelineEntry>>> alert_timeline(tenancy::TenantDb db,
                                                                    std::int64_t alert_id);

/// What people do to alerts.
enum class AlertAction { acknowledge, close, silence };
struct AlertChange {
  std::int64_t alert_id = 0;
  std::optional<Time> silenced_until;
};
BOOST_DESCRIBE_STRUCT(AlertChange, (), (alert_id, silenced_until))
/// Does it to those of the alerts that it can be done to: open ones are acknowledged, those that
/// are not closed are closed or silenced. One statement, with an event for each; the caller tells
/// the outbox.
Task<std::vector<AlertChange>> change_alerts(tenancy::TenantDb db, AlertAction action,
                                             std::vector<std::int64_t> ids, std::string actor,
                                             std::int64_t minutes);
/// Nothing when there is no such alert.
Task<std::optional<AlertTimelineEntry>> comment_on_alert(tenancy::TenantDb db,
                                                         std::int64_t alert_id, std::string text,
                                                         std::string actor);

}  // namespace pulse::alerting
