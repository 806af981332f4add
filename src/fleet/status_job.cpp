#include "fleet/status_job.hpp"

#include <map>

#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// Everyone who was seen within the smallest limit in use is left out by the index, to the minute. A
// device's own limit goes before its template's. Who is as it should be takes no place among the
// 10,000.
constexpr const char* mark_silent = R"sql(
  WITH due AS (
    SELECT s.tenant_id, s.device_id, s.status AS before, judged.status AS after
    FROM device_state s JOIN device_registry r USING (tenant_id, device_id)
    LEFT JOIN device_templates t ON t.id = r.template_id
    CROSS JOIN LATERAL (SELECT coalesce(r.heartbeat_stale_seconds, t.heartbeat_stale_seconds,
                                        $1::integer) AS seconds) stale
    CROSS JOIN LATERAL (
      SELECT CASE WHEN s.last_seen_at < now() - make_interval(secs => 10 * stale.seconds)
                  THEN 'OFFLINE' ELSE 'STALE' END AS status) judged
    WHERE s.status IN ('ONLINE', 'STALE')
      AND s.seen_minute <= floor((extract(epoch FROM now()) - least($1::integer,
            (SELECT min(heartbeat_stale_seconds) FROM device_registry
             WHERE heartbeat_stale_seconds IS NOT NULL),
            (SELECT min(heartbeat_stale_seconds) FROM device_templates
             WHERE heartbeat_stale_seconds IS NOT NULL))) / 60)::integer
      AND s.last_seen_at < now() - make_interval(secs => stale.seconds)
      AND s.status <> judged.status
    ORDER BY s.tenant_id, s.device_id
    LIMIT 10000 FOR UPDATE OF s SKIP LOCKED
  ), changed AS (
    UPDATE device_state s SET status = due.after, last_state_change_at = now()
    FROM due WHERE s.tenant_id = due.tenant_id AND s.device_id = due.device_id
    RETURNING s.tenant_id, s.device_id, due.before, s.status, s.last_state_change_at
  ), events AS (
    INSERT INTO device_connection_events (tenant_id, device_id, event_type, details)
    SELECT tenant_id, device_id, 'DISCONNECTED', '{"reason": "heartbeat_timeout"}'
    FROM changed WHERE before = 'ONLINE'
  ), audit AS (
    INSERT INTO audit_log (tenant_id, event_type, category, severity, entity_type, entity_id,
      entity_name, action, message, source_service)
    SELECT tenant_id, 'device.disconnected', 'device', 'warning', 'device', device_id, device_id,
      'status', 'Device ' || device_id || ' fell silent', 'ops'
    FROM changed WHERE before = 'ONLINE'
  )
  SELECT tenant_id, device_id, status, last_state_change_at FROM changed
)sql";

}  // namespace

Task<int> mark_silent_devices(pg::Pool& pool, nats::Client& nats, long stale_seconds) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(scope, mark_silent, pg::Params::of(stale_seconds));
  std::map<std::string, std::string> by_tenant;
  for (int i = 0; i < rows.rows(); ++i) {
    Time since;
    pg::read_value(rows, i, 3, since);
    auto& text = by_tenant[std::string(rows.text(i, 0))];
    text += text.empty() ? "{\"type\":\"status\",\"devices\":[" : ",";
    text += "{\"device_id\":" + json::to_text(rows.text(i, 1));
    text += ",\"status\":" + json::to_text(rows.text(i, 2));
    text += ",\"since\":" + json::to_text(since) + "}";
  }
  for (const auto& [tenant, text] : by_tenant) nats.publish("live." + tenant, text + "]}");
  co_return rows.rows();
}

}  // namespace pulse::fleet
