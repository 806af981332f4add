// One round of all campaigns: the ops role, every 10 seconds.
#include <set>

#include "fleet/campaigns.hpp"
#include "fleet/update_message.hpp"
#include "platform/log.hpp"

namespace pulse::fleet {

namespace {

// A device that was told and stays silent has failed, whatever becomes of the campaign.
constexpr const char* fail_silent = R"sql(
  UPDATE ota_device_status s SET status = 'FAILED', completed_at = now(),
    error_message = 'No report for ' || c.timeout_minutes || ' minutes'
  FROM ota_campaigns c
  WHERE (c.status IN ('RUNNING', 'PAUSED')
         OR c.status = 'ABORTED' AND c.completed_at > now() - interval '8 days')
    AND s.tenant_id = c.tenant_id AND s.campaign_id = c.id
    AND s.status IN ('PENDING', 'DOWNLOADING', 'INSTALLING') AND s.started_at IS NOT NULL
    AND coalesce(s.reported_at, s.started_at) < now() - make_interval(mins => c.timeout_minutes)
)sql";

// Counts, and what follows from them. People may have changed the status meanwhile: what decides is
// the row as it is when it is written (c), not as it was when it was counted.
constexpr const char* judge = R"sql(
  WITH counted AS (
    SELECT c.tenant_id, c.id, n.*
    FROM ota_campaigns c CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE s.status = 'SUCCESS') AS succeeded,
             count(*) FILTER (WHERE s.status = 'FAILED') AS failed,
             count(*) FILTER (WHERE s.status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')) AS open,
             count(*) FILTER (WHERE s.status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')
                                AND s.stage <= c.stage) AS open_in_stage,
             count(*) FILTER (WHERE s.stage <= c.stage AND s.status <> 'SKIPPED') AS reached
      FROM ota_device_status s WHERE s.tenant_id = c.tenant_id AND s.campaign_id = c.id) n
    WHERE c.status IN ('RUNNING', 'PAUSED')
       OR c.status = 'ABORTED' AND c.completed_at > now() - interval '8 days'
  ), judged AS (
    SELECT n.*, n.failed > 0 AND n.succeeded + n.failed >= least(c.min_results, n.reached)
                AND n.failed > c.abort_threshold * (n.succeeded + n.failed) AS too_many
    FROM counted n JOIN ota_campaigns c USING (tenant_id, id)
  ), written AS (
    UPDATE ota_campaigns c SET succeeded = n.succeeded, failed = n.failed,
      status = CASE WHEN c.status <> 'RUNNING' THEN c.status
                    WHEN n.too_many THEN 'ABORTED'
                    WHEN n.open = 0 THEN 'COMPLETED' ELSE 'RUNNING' END,
      status_reason = CASE WHEN c.status = 'RUNNING' AND n.too_many
                           THEN n.failed || ' of ' || n.succeeded + n.failed || ' devices failed'
                           ELSE c.status_reason END,
      completed_at = CASE WHEN c.status = 'RUNNING' AND (n.too_many OR n.open = 0) THEN now()
                          ELSE c.completed_at END,
      stage = CASE WHEN c.status = 'RUNNING' AND NOT n.too_many AND n.open_in_stage = 0
                   THEN least(c.stage + 1, cardinality(c.stages) - 1) ELSE c.stage END
    FROM judged n
    WHERE c.tenant_id = n.tenant_id AND c.id = n.id
      AND ((c.succeeded, c.failed) IS DISTINCT FROM (n.succeeded, n.failed)
           OR c.status = 'RUNNING' AND (n.too_many OR n.open_in_stage = 0))
    RETURNING c.tenant_id, c.id, c.name, c.status, c.status_reason, c.completed_at = now() AS ended
  ), skipped AS (
    UPDATE ota_device_status s SET status = 'SKIPPED', completed_at = now()
    FROM written c WHERE c.ended AND c.status = 'ABORTED' AND s.tenant_id = c.tenant_id
      AND s.campaign_id = c.id AND s.status = 'PENDING'
  ), audited AS (
    INSERT INTO audit_log (tenant_id, event_type, category, severity, entity_type, entity_id,
      entity_name, action, message, source_service)
    SELECT tenant_id, 'campaign.' || lower(status), 'campaign',
      CASE status WHEN 'ABORTED' THEN 'warning' ELSE 'info' END, 'campaign', id::text, name,
      'status', CASE status WHEN 'ABORTED' THEN 'Campaign ' || name || ' halted: ' || status_reason
                            ELSE 'Campaign ' || name || ' completed' END, 'ops'
    FROM written WHERE ended
  )
  SELECT DISTINCT tenant_id FROM written
)sql";

// Up to the rate's number of devices for each campaign. A device has one update at a time; one that
// left the fleet or became of another type meanwhile is skipped. What is handed out is in the table
// before it is sent.
const std::string hand_out = R"sql(
  WITH picked AS (
    SELECT DISTINCT ON (c.tenant_id, s.device_id) s.id,
      CASE WHEN r.device_id IS NULL THEN 'The device is not active any more'
           ELSE )sql" + std::string(misfit) +
                             R"sql( END AS why_not
    FROM ota_campaigns c
    JOIN firmware_versions f ON f.tenant_id = c.tenant_id AND f.id = c.firmware_version_id
    CROSS JOIN LATERAL (
      SELECT d.id, d.device_id FROM ota_device_status d
      WHERE d.tenant_id = c.tenant_id AND d.campaign_id = c.id AND d.status = 'PENDING'
        AND d.started_at IS NULL AND d.stage <= c.stage
        AND NOT EXISTS (
          SELECT FROM ota_device_status o JOIN ota_campaigns oc
            ON oc.tenant_id = o.tenant_id AND oc.id = o.campaign_id
          WHERE o.tenant_id = d.tenant_id AND o.device_id = d.device_id
            AND o.campaign_id <> d.campaign_id AND o.started_at IS NOT NULL
            AND o.status IN ('PENDING', 'DOWNLOADING', 'INSTALLING')
            AND oc.status IN ('RUNNING', 'PAUSED'))
      ORDER BY d.stage, d.id LIMIT c.rollout_rate) s
    LEFT JOIN device_registry r ON r.tenant_id = c.tenant_id AND r.device_id = s.device_id
      AND r.status = 'ACTIVE'
    WHERE c.status = 'RUNNING'
    ORDER BY c.tenant_id, s.device_id, c.id
  ), told AS (
    UPDATE ota_device_status s SET
      status = CASE WHEN why_not IS NULL THEN 'PENDING' ELSE 'SKIPPED' END,
      error_message = why_not,
      started_at = CASE WHEN why_not IS NULL THEN now() END,
      completed_at = CASE WHEN why_not IS NULL THEN NULL ELSE now() END,
      publishes = 1, publish_at = now() + interval '1 minute'
    FROM picked WHERE s.id = picked.id AND s.status = 'PENDING' AND s.started_at IS NULL
    RETURNING s.tenant_id, s.campaign_id, s.device_id, s.status
  )
)sql";

// Who was told and says nothing is told again: after 1, 2, 4, ... minutes, at most an hour.
const std::string tell_again = R"sql(
  WITH due AS (
    SELECT s.id FROM ota_campaigns c JOIN ota_device_status s
      ON s.tenant_id = c.tenant_id AND s.campaign_id = c.id
    WHERE c.status IN ('RUNNING', 'PAUSED') AND s.status = 'PENDING' AND s.reported_at IS NULL
      AND s.publish_at <= now()
    ORDER BY s.publish_at LIMIT 5000
  ), told AS (
    UPDATE ota_device_status s SET publishes = s.publishes + 1,
      publish_at = now() + make_interval(mins => least(60, 1 << least(s.publishes, 6)))
    FROM due WHERE s.id = due.id
    RETURNING s.tenant_id, s.campaign_id, s.device_id, s.status
  )
)sql";

Task<int> send(pg::Pool& pool, nats::Client& nats, storage::Storage& files, std::string told) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows =
      co_await pool.query(scope, told + "SELECT t.tenant_id, t.device_id, t.status, " +
                                     update_columns + " FROM told t " + update_joins("t"));
  for (int i = 0; i < rows.rows(); ++i)
    if (rows.text(i, 2) == "PENDING")
      send_to_device(nats, rows.text(i, 0), rows.text(i, 1), "ota", update_message(rows, i, files));
  co_return rows.rows();
}

}  // namespace

Task<> run_campaigns(pg::Pool& pool, nats::Client& nats, storage::Storage& files) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  co_await pool.query(scope, fail_silent);
  const auto news = co_await pool.query(scope, judge);
  for (int i = 0; i < news.rows(); ++i)
    nats.publish("live." + std::string(news.text(i, 0)),
                 R"({"type":"changed","what":"campaigns"})");
  co_await send(pool, nats, files, hand_out);
  co_await send(pool, nats, files, tell_again);
}

}  // namespace pulse::fleet
