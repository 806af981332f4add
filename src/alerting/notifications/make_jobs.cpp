// From transitions of alerts to jobs.
#include <algorithm>
#include <map>

#include "alerting/evaluator_store.hpp"
#include "alerting/notifications/jobs.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting::notifications {

namespace {

// Whose turn it is: what of these alerts was not routed yet. The rows are locked, so that two
// notifiers never route one.
constexpr const char* take_events = R"sql(
  UPDATE alert_events e SET routed = true
  FROM jsonb_to_recordset($1::jsonb) AS t(tenant_id text, alert_id bigint, event_id bigint)
  WHERE e.tenant_id = t.tenant_id AND e.alert_id = t.alert_id AND e.id <= t.event_id
    AND NOT e.routed AND e.event IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED')
  RETURNING e.alert_id, e.id
)sql";

// At most one event of an alert: what follows looks at what was told before.
constexpr const char* make = R"sql(
  WITH news AS (
    SELECT e.id AS event_id, e.event, e.actor, e.created_at AS at, a AS alert, a.tenant_id,
      a.id AS alert_id, a.device_id, a.site_id, a.alert_type, a.severity, a.fingerprint,
      coalesce(a.silenced_until > now(), false)
        OR pulse_in_maintenance(a.tenant_id, a.site_id, coalesce(d.device_type, ''), now()) AS quiet
    FROM alert_events e
    JOIN fleet_alert a ON a.tenant_id = e.tenant_id AND a.id = e.alert_id
    LEFT JOIN device_registry d ON d.tenant_id = a.tenant_id AND d.device_id = a.device_id
    WHERE e.id = ANY ($1)
  ), ruled AS (
    SELECT n.event_id, r.channel_id, r.rule_id, r.priority
    FROM news n CROSS JOIN LATERAL pulse_routing(n.tenant_id, n.device_id, n.site_id, n.alert_type,
      n.severity, n.event, now()) r
    CROSS JOIN LATERAL (
      -- Told of this alert; and of the same trouble within the throttle's time.
      SELECT EXISTS (SELECT FROM notification_jobs j WHERE j.tenant_id = n.tenant_id
          AND j.alert_id = n.alert_id AND j.channel_id = r.channel_id) AS this,
        r.throttle_minutes > 0 AND EXISTS (
          SELECT FROM notification_jobs j JOIN fleet_alert p
            ON p.tenant_id = j.tenant_id AND p.id = j.alert_id
          WHERE j.channel_id = r.channel_id AND j.tenant_id = n.tenant_id
            AND j.deliver_on_event IN ('OPEN', 'ESCALATED') AND p.fingerprint = n.fingerprint
            AND j.created_at > now() - make_interval(mins => r.throttle_minutes)) AS lately) told
    WHERE cardinality(r.obstacles) = 0 AND CASE
      WHEN n.event IN ('OPEN', 'ESCALATED') THEN NOT n.quiet AND NOT told.lately
      WHEN n.event = 'CLOSED' AND (n.quiet OR r.throttle_minutes > 0) THEN told.this
      WHEN r.throttle_minutes > 0 THEN told.this AND NOT n.quiet
      ELSE NOT n.quiet END
  ), followed AS (
    -- An incident that PagerDuty was told of is acknowledged and resolved with the alert.
    SELECT n.event_id, j.channel_id, j.rule_id, 1000001 AS priority
    FROM news n
    JOIN notification_jobs j ON j.tenant_id = n.tenant_id AND j.alert_id = n.alert_id
    JOIN notification_channels c ON c.channel_id = j.channel_id
    WHERE n.event IN ('ACKNOWLEDGED', 'CLOSED') AND j.deliver_on_event IN ('OPEN', 'ESCALATED')
      AND j.summary_job_id IS NULL AND c.channel_type = 'pagerduty' AND c.is_enabled
  ), told AS (
    SELECT DISTINCT ON (event_id, channel_id) event_id, channel_id, rule_id
    FROM (SELECT * FROM ruled UNION ALL SELECT * FROM followed) u
    ORDER BY event_id, channel_id, priority, rule_id
  ), numbered AS (
    SELECT n.*, t.channel_id, t.rule_id,
      c.max_per_minute < row_number() OVER (PARTITION BY t.channel_id ORDER BY t.event_id) + (
        SELECT count(*) FROM notification_jobs j WHERE j.channel_id = t.channel_id
          AND j.summary_job_id IS NULL AND j.deliver_on_event <> 'SUMMARY'
          AND j.created_at > now() - interval '1 minute')
      AND NOT (c.channel_type = 'pagerduty' AND n.event IN ('ACKNOWLEDGED', 'CLOSED')) AS held
    FROM told t JOIN news n USING (event_id)
    JOIN notification_channels c ON c.channel_id = t.channel_id
  ), summaries AS (
    -- One a minute and channel. One that is being sent takes no more.
    INSERT INTO notification_jobs AS s (tenant_id, alert_id, channel_id, deliver_on_event,
      event_key, next_run_at, payload_json)
    SELECT tenant_id, min(alert_id), channel_id, 'SUMMARY',
      'SUMMARY:' || extract(epoch FROM date_trunc('minute', now()))::bigint,
      date_trunc('minute', now()) + interval '61 seconds',
      (array_agg(pulse_notice(alert, 'SUMMARY', now(), NULL, NULL) ORDER BY event_id))[1]
    FROM numbered WHERE held GROUP BY tenant_id, channel_id
    ON CONFLICT (tenant_id, channel_id, event_key) WHERE deliver_on_event = 'SUMMARY'
      DO UPDATE SET updated_at = now() WHERE s.status = 'PENDING'
    RETURNING s.job_id, s.channel_id
  )
  INSERT INTO notification_jobs (tenant_id, alert_id, channel_id, rule_id, deliver_on_event,
    event_key, payload_json, summary_job_id)
  SELECT n.tenant_id, n.alert_id, n.channel_id, n.rule_id, n.event,
    CASE n.event WHEN 'ESCALATED' THEN 'ESCALATED:' || n.event_id ELSE n.event END,
    pulse_notice(n.alert, n.event, n.at, n.actor, NULL),
    CASE WHEN n.held THEN s.job_id END
  FROM numbered n LEFT JOIN summaries s ON s.channel_id = n.channel_id
  ORDER BY n.event_id
  ON CONFLICT (tenant_id, alert_id, channel_id, event_key)
    WHERE channel_id IS NOT NULL AND deliver_on_event <> 'SUMMARY' DO NOTHING
)sql";

}  // namespace

Task<int> make_jobs(pg::Pool& pool, std::vector<Transition> transitions) {
  boost::json::array asked;
  for (const auto& t : transitions)
    asked.push_back(
        {{"tenant_id", t.tenant_id}, {"alert_id", t.alert_id}, {"event_id", t.event_id}});
  auto tx = co_await pool.begin(worker_scope());
  const auto taken = co_await tx.query(take_events, pg::Params::of(json::to_text(asked)));
  std::map<std::int64_t, std::vector<std::int64_t>> by_alert;
  std::size_t rounds = 0;
  for (int i = 0; i < taken.rows(); ++i) by_alert[taken.int64(i, 0)].push_back(taken.int64(i, 1));
  for (auto& [alert, events] : by_alert) {
    std::sort(events.begin(), events.end());
    rounds = std::max(rounds, events.size());
  }
  std::int64_t made = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::int64_t> events;
    for (const auto& [alert, all] : by_alert)
      if (round < all.size()) events.push_back(all[round]);
    const auto inserted = co_await tx.query(make, pg::Params::of(events));
    made += inserted.affected();
  }
  co_await tx.commit();
  co_return static_cast<int>(made);
}

}  // namespace pulse::alerting::notifications
