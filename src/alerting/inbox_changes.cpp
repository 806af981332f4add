#include "alerting/inbox.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

// The alerts are locked in the order in which workers lock them (alerts.cpp), and looked at again:
// one that another closed meanwhile is left alone.
std::string change(const char* changeable, const char* set, const char* event,
                   const char* details) {
  const std::string fits(changeable);
  return "WITH mine AS (SELECT tenant_id, id FROM fleet_alert WHERE id = ANY ($1::bigint[]) AND " +
         fits +
         " ORDER BY tenant_id, fingerprint FOR NO KEY UPDATE), done AS (UPDATE fleet_alert a SET " +
         set + " FROM mine m WHERE a.tenant_id = m.tenant_id AND a.id = m.id AND a." + fits +
         " RETURNING a.tenant_id, a.id, a.silenced_until), events AS ("
         "INSERT INTO alert_events (tenant_id, alert_id, event, actor, details) "
         "SELECT tenant_id, id, '" +
         event + "', $2, " + details +
         " FROM done) SELECT id AS alert_id, silenced_until FROM done ORDER BY id";
}

const std::string acknowledge = change(
    "status = 'OPEN'",
    "status = 'ACKNOWLEDGED', acknowledged_by = $2, acknowledged_at = now(), next_escalation_at = "
    "NULL",
    "ACKNOWLEDGED", "'{}'::jsonb");
const std::string close =
    change("status IN ('OPEN', 'ACKNOWLEDGED')",
           "status = 'CLOSED', closed_by = $2, closed_at = now(), close_reason = 'manual', "
           "next_escalation_at = NULL",
           "CLOSED", R"('{"reason": "manual"}'::jsonb)");
const std::string silence =
    change("status IN ('OPEN', 'ACKNOWLEDGED')",
           "silenced_until = now() + make_interval(mins => $3::integer)", "SILENCED",
           "jsonb_build_object('minutes', $3::integer, 'until', silenced_until)");

}  // namespace

Task<std::vector<AlertChange>> change_alerts(tenancy::TenantDb db, AlertAction action,
                                             std::vector<std::int64_t> ids, std::string actor,
                                             std::int64_t minutes) {
  auto params = pg::Params::of(ids, actor);
  if (action == AlertAction::silence) params.add(minutes);
  const auto& sql = action == AlertAction::acknowledge ? acknowledge
                    : action == AlertAction::close     ? close
                                                       : silence;
  const auto rows = co_await db.query(sql, std::move(params));
  co_return pg::rows_as<AlertChange>(rows);
}

Task<std::optional<AlertTimelineEntry>> comment_on_alert(tenancy::TenantDb db,
                                                         std::int64_t alert_id, std::string text,
                                                         std::string actor) {
  const auto rows = co_await db.query(R"sql(
    INSERT INTO alert_events (tenant_id, alert_id, event, actor, details)
    SELECT tenant_id, id, 'COMMENTED', $2, jsonb_build_object('text', $3::text)
    FROM fleet_alert WHERE id = $1
    RETURNING id AS event_id, event, created_at AS at, actor, details
  )sql",
                                      pg::Params::of(alert_id, actor, text));
  co_return pg::first_as<AlertTimelineEntry>(rows);
}

}  // namespace pulse::alerting
