// From transitions of alerts to jobs.
#include <algorithm>
#include <map>

#include "alerting/evaluator_store.hpp"
#include "alerting/notifications/jobs.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting::notifications {

namespace {

// One notifier at a time for a tenant: throttles and storm guards count what the others made.
// Always in the same order, so that two never wait for each other.
constexpr const char* lock_tenants = R"sql(
  SELECT pg_advisory_xact_lock(hashtextextended('routing:' || tenant_id, 0))
  FROM (SELECT DISTINCT tenant_id FROM jsonb_to_recordset($1::jsonb) AS t(tenant_id text)
        ORDER BY tenant_id) o
)sql";

// Whose turn it is: what of these alerts was not routed yet. The rows are locked, so that two
// notifiers never route one.
constexpr const char* take_events = R"sql(
  UPDATE alert_events e SET routed = true
  FROM jsonb_to_recordset($1::jsonb) AS t(tenant_id text, alert_id bigint, event_id bigint)
  JOIN fleet_alert a ON a.tenant_id = t.tenant_id AND a.id = t.alert_id
  WHERE e.tenant_id = t.tenant_id AND e.alert_id = t.alert_id AND e.id <= t.event_id
    AND NOT e.routed AND e.event IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED')
  RETURNING a.tenant_id, a.fingerprint, e.id
)sql";

constexpr const char* aside = R"sql(
  UPDATE alert_events SET routed = true, routing_problem = $4
  WHERE tenant_id = $1 AND alert_id = $2 AND id <= $3 AND NOT routed
    AND event IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED')
)sql";

constexpr const char* forgotten = R"sql(
  SELECT tenant_id, alert_id, max(id) FROM alert_events
  WHERE NOT routed AND event IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED', 'ESCALATED')
    AND created_at < now() - interval '30 seconds'
  GROUP BY tenant_id, alert_id ORDER BY min(id) LIMIT $1
)sql";

// Nobody has to come for an alert that somebody took.
constexpr const char* cancel = R"sql(
  UPDATE notification_jobs j SET status = 'FAILED', updated_at = now(),
    last_error = 'not sent: the alert was ' || lower(e.event)
  FROM alert_events e JOIN fleet_alert a ON a.tenant_id = e.tenant_id AND a.id = e.alert_id
  WHERE e.id = ANY ($1) AND e.event IN ('ACKNOWLEDGED', 'CLOSED') AND a.status <> 'OPEN'
    AND j.tenant_id = e.tenant_id AND j.alert_id = e.alert_id AND j.deliver_on_event = 'ESCALATED'
    AND j.status = 'PENDING' AND j.summary_job_id IS NULL
)sql";

// At most one event of the same trouble: what follows looks at what was told before.
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
    JOIN notification_routing_rules u ON u.rule_id = r.rule_id
    CROSS JOIN LATERAL (
      -- Told of this alert; and of the same trouble within the throttle's time. What did not arrive
      -- told nobody.
      SELECT EXISTS (SELECT FROM notification_jobs j WHERE j.tenant_id = n.tenant_id
          AND j.alert_id = n.alert_id AND j.channel_id = r.channel_id
          AND j.status <> 'FAILED') AS this,
        r.throttle_minutes > 0 AND EXISTS (
          SELECT FROM notification_jobs j JOIN fleet_alert p
            ON p.tenant_id = j.tenant_id AND p.id = j.alert_id
          WHERE j.channel_id = r.channel_id AND j.tenant_id = n.tenant_id
            AND j.deliver_on_event IN ('OPEN', 'ESCALATED') AND p.fingerprint = n.fingerprint
            AND j.status <> 'FAILED'
            AND j.created_at > now() - make_interval(mins => r.throttle_minutes)) AS lately) told
    -- Of what became of an alert only those hear who heard of it, and those who want nothing else.
    WHERE cardinality(r.obstacles) = 0 AND CASE
      WHEN n.event IN ('OPEN', 'ESCALATED') THEN NOT n.quiet AND NOT told.lately
      WHEN n.event = 'CLOSED' AND told.this THEN true
      WHEN r.throttle_minutes > 0 OR u.deliver_on && ARRAY['OPEN', 'ESCALATED']
        THEN told.this AND NOT n.quiet
      ELSE NOT n.quiet END
  ), followed AS (
    -- An incident that PagerDuty was told of is acknowledged and resolved with the alert.
    SELECT n.event_id, j.channel_id, j.rule_id, 1000001 AS priority
    FROM news n
    JOIN notification_jobs j ON j.tenant_id = n.tenant_id AND j.alert_id = n.alert_id
    JOIN notification_channels c ON c.channel_id = j.channel_id
    WHERE n.event IN ('ACKNOWLEDGED', 'CLOSED') AND j.deliver_on_event IN ('OPEN', 'ESCALATED')
      AND j.summary_job_id IS NULL AND c.channel_type = 'pagerduty' AND c.is_enabled
      AND (j.status <> 'FAILED' OR j.attempts > 0)  -- what was tried may have arrived
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
  const auto text = json::to_text(asked);
  auto tx = co_await pool.begin(worker_scope());
  co_await tx.query(lock_tenants, pg::Params::of(text));
  const auto taken = co_await tx.query(take_events, pg::Params::of(text));
  // Of one trouble one after the other: an alert that opened again is throttled by the one before.
  std::map<std::pair<std::string, std::string>, std::vector<std::int64_t>> by_trouble;
  std::size_t rounds = 0;
  for (int i = 0; i < taken.rows(); ++i)
    by_trouble[{std::string(taken.text(i, 0)), std::string(taken.text(i, 1))}].push_back(
        taken.int64(i, 2));
  for (auto& [trouble, events] : by_trouble) {
    std::sort(events.begin(), events.end());
    rounds = std::max(rounds, events.size());
  }
  std::int64_t made = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::int64_t> events;
    for (const auto& [trouble, all] : by_trouble)
      if (round < all.size()) events.push_back(all[round]);
    co_await tx.query(cancel, pg::Params::of(events));
    const auto inserted = co_await tx.query(make, pg::Params::of(events));
    made += inserted.affected();
  }
  co_await tx.commit();
  co_return static_cast<int>(made);
}

Task<> set_aside(pg::Pool& pool, Transition t, std::string why) {
  co_await pool.query(worker_scope(), aside,
                      pg::Params::of(t.tenant_id, t.alert_id, t.event_id, why));
}

Task<std::vector<Transition>> forgotten_transitions(pg::Pool& pool, int most) {
  const auto rows = co_await pool.query(worker_scope(), forgotten, pg::Params::of(most));
  std::vector<Transition> out;
  for (int i = 0; i < rows.rows(); ++i) {
    Transition t;
    t.tenant_id = std::string(rows.text(i, 0));
    t.alert_id = rows.int64(i, 1);
    t.event_id = rows.int64(i, 2);
    out.push_back(std::move(t));
  }
  co_return out;
}

}  // namespace pulse::alerting::notifications
