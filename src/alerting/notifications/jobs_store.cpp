#include <algorithm>
#include <random>

#include "alerting/evaluator_store.hpp"
#include "alerting/notifications/jobs.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting::notifications {

namespace {

// In turns: of each lane the oldest that are due, never all of a lane whose place answers slowly.
// 4 of a lane are under way, 12 of a tenant. Lanes whose place failed last are apart from the
// others: one message of each, 4 of a tenant and 16 of all, so that they leave room. A broker that
// knows its clients by a fixed name has one connection by that name.
constexpr const char* claim = R"sql(
  WITH RECURSIVE lanes AS (
    (SELECT tenant_id, lane, channel_id FROM notification_jobs
     WHERE status IN ('PENDING', 'PROCESSING') AND summary_job_id IS NULL
     ORDER BY tenant_id, lane LIMIT 1)
    UNION ALL
    SELECT n.* FROM lanes l CROSS JOIN LATERAL (
      SELECT j.tenant_id, j.lane, j.channel_id FROM notification_jobs j
      WHERE j.status IN ('PENDING', 'PROCESSING') AND j.summary_job_id IS NULL
        AND (j.tenant_id, j.lane) > (l.tenant_id, l.lane)
      ORDER BY j.tenant_id, j.lane LIMIT 1) n
  ), busy AS (
    SELECT j.tenant_id, j.lane, r.lane IS NOT NULL AS failing, count(*) AS jobs
    FROM notification_jobs j LEFT JOIN notification_lanes r
      ON r.tenant_id = j.tenant_id AND r.lane = j.lane
    WHERE j.status = 'PROCESSING' AND j.lease_until >= now() GROUP BY 1, 2, 3
  ), due AS (
    SELECT l.tenant_id, l.lane, r.lane IS NOT NULL AS failing, coalesce(b.jobs, 0) AS busy, n.*
    FROM lanes l
    LEFT JOIN notification_lanes r ON r.tenant_id = l.tenant_id AND r.lane = l.lane
    LEFT JOIN busy b ON b.tenant_id = l.tenant_id AND b.lane = l.lane
    LEFT JOIN notification_channels c ON c.channel_id = l.channel_id
    CROSS JOIN LATERAL (
      SELECT j.job_id, j.next_run_at FROM notification_jobs j
      WHERE j.tenant_id = l.tenant_id AND j.lane = l.lane
        AND j.status IN ('PENDING', 'PROCESSING') AND j.summary_job_id IS NULL
        AND j.next_run_at <= now() AND (j.status = 'PENDING' OR j.lease_until < now())
        AND j.target ->> 'kind' IS DISTINCT FROM 'person'
        AND NOT EXISTS (
          SELECT FROM notification_jobs e WHERE e.tenant_id = j.tenant_id
            AND e.alert_id = j.alert_id AND e.channel_id = j.channel_id AND e.job_id < j.job_id
            AND e.status IN ('PENDING', 'PROCESSING') AND j.deliver_on_event <> 'SUMMARY'
            AND e.deliver_on_event <> 'SUMMARY')
      ORDER BY j.next_run_at, j.job_id
      LIMIT greatest(0, CASE WHEN r.lane IS NOT NULL OR c.config ? 'client_id' THEN 1 ELSE 4 END
                        - coalesce(b.jobs, 0))) n
    WHERE r.lane IS NULL OR r.rests_until <= now()
  ), placed AS (
    SELECT *, busy + row_number() OVER (PARTITION BY tenant_id, lane
                                        ORDER BY next_run_at, job_id) AS of_lane FROM due
  ), of_tenants AS (
    SELECT tenant_id, failing, sum(jobs) AS jobs FROM busy GROUP BY 1, 2
  ), ranked AS (
    SELECT p.*, row_number() OVER (PARTITION BY p.tenant_id, p.failing
                                   ORDER BY of_lane, next_run_at, job_id)
      + coalesce(t.jobs, 0) AS of_tenant
    FROM placed p LEFT JOIN of_tenants t ON t.tenant_id = p.tenant_id AND t.failing = p.failing
  ), turns AS (
    SELECT r.*, row_number() OVER (PARTITION BY failing ORDER BY of_tenant, next_run_at, job_id)
      + (SELECT coalesce(sum(jobs), 0) FROM of_tenants t WHERE t.failing) AS of_failing
    FROM ranked r WHERE of_tenant <= CASE WHEN failing THEN 4 ELSE 12 END
  ), picked AS (
    SELECT j.job_id FROM notification_jobs j
    WHERE j.job_id IN (SELECT job_id FROM turns WHERE NOT failing OR of_failing <= 16
                       ORDER BY of_tenant, next_run_at, job_id LIMIT $1)
      AND j.status IN ('PENDING', 'PROCESSING') AND j.next_run_at <= now()
      AND (j.status = 'PENDING' OR j.lease_until < now())
    FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE notification_jobs j SET status = 'PROCESSING', attempts = attempts + 1,
      lease_until = now() + interval '60 seconds', updated_at = now()
    FROM picked p WHERE j.job_id = p.job_id RETURNING j.*
  )
  SELECT j.job_id, j.tenant_id, j.channel_id, j.deliver_on_event, j.idempotency_key, j.attempts,
    j.payload_json, j.target, c.channel_type, c.sealed_config,
    coalesce(c.is_enabled, true) AS channel_enabled,
    j.created_at < now() - interval '24 hours' AS too_old,
    j.deliver_on_event = 'ESCALATED' AND a.status <> 'OPEN' AS over
  FROM claimed j JOIN fleet_alert a ON a.tenant_id = j.tenant_id AND a.id = j.alert_id
  LEFT JOIN notification_channels c ON c.channel_id = j.channel_id
)sql";

constexpr const char* summary = R"sql(
  SELECT count(*), max((payload_json ->> 'severity')::integer),
    (SELECT string_agg(n || ' × ' || type, ', ' ORDER BY n DESC) FROM (
       SELECT count(*) AS n, payload_json ->> 'alert_type' AS type FROM notification_jobs
       WHERE summary_job_id = $1 GROUP BY 2 ORDER BY 1 DESC LIMIT 5) t),
    (SELECT jsonb_agg(jsonb_build_object('alert_id', alert_id, 'event_type', deliver_on_event,
              'device_id', payload_json -> 'device_id', 'alert_type', payload_json -> 'alert_type',
              'severity', payload_json -> 'severity', 'message', payload_json -> 'message'))
     FROM (SELECT * FROM notification_jobs WHERE summary_job_id = $1 ORDER BY job_id LIMIT 50) f)
  FROM notification_jobs WHERE summary_job_id = $1
)sql";

// $1 job, $2 attempt, $3 ok, $4 HTTP status, $5 ms, $6 error, $7 started, $8 finished, $9 the job's
// new status, $10 seconds until the next attempt. The timeline hears of the first failure, and of
// how it ended.
constexpr const char* finish = R"sql(
  WITH logged AS (
    INSERT INTO delivery_attempts (tenant_id, job_id, attempt_no, ok, http_status, latency_ms,
                                   error, started_at, finished_at)
    SELECT tenant_id, job_id, $2::integer, $3::boolean, $4::integer, $5::integer, $6::text,
           $7::timestamptz, $8::timestamptz
    FROM notification_jobs WHERE job_id = $1 ON CONFLICT DO NOTHING
  ), mine AS (
    UPDATE notification_jobs SET status = $9, last_error = $6, lease_until = NULL,
      updated_at = now(), next_run_at = CASE WHEN $9 = 'PENDING'
        THEN now() + make_interval(secs => $10::float8) ELSE next_run_at END
    WHERE job_id = $1 AND status = 'PROCESSING' AND attempts = $2::integer
    RETURNING *
  ), summarized AS (
    UPDATE notification_jobs s SET status = mine.status, attempts = mine.attempts,
      last_error = mine.last_error, updated_at = now()
    FROM mine WHERE s.summary_job_id = mine.job_id AND mine.status IN ('COMPLETED', 'FAILED')
    RETURNING s.*
  )
  INSERT INTO alert_events (tenant_id, alert_id, event, details)
  SELECT j.tenant_id, j.alert_id, 'TOLD', jsonb_strip_nulls(jsonb_build_object(
    'job_id', j.job_id, 'channel_id', j.channel_id, 'channel_name', c.name,
    'channel_type', coalesce(c.channel_type, j.target ->> 'kind'),
    'address', CASE WHEN j.target ->> 'kind' = 'email' THEN j.target ->> 'address' END,
    'event', j.deliver_on_event, 'ok', $3::boolean, 'attempt', $2::integer,
    'http_status', $4::integer, 'error', $6::text, 'final', $9 <> 'PENDING',
    'summary', nullif(j.summary_job_id IS NOT NULL, false)))
  FROM (SELECT * FROM mine WHERE deliver_on_event <> 'SUMMARY'
          AND (status <> 'PENDING' OR attempts = 1)
        UNION ALL SELECT * FROM summarized) j
  LEFT JOIN notification_channels c ON c.channel_id = j.channel_id
)sql";

// A place that fails is left alone for a moment by everything that is meant for it ($2: seconds);
// one that answers is served as all others.
constexpr const char* rest = R"sql(
  INSERT INTO notification_lanes AS l (tenant_id, lane, rests_until)
  SELECT tenant_id, lane, now() + make_interval(secs => $2::float8)
  FROM notification_jobs WHERE job_id = $1
  ON CONFLICT (tenant_id, lane)
    DO UPDATE SET rests_until = greatest(l.rests_until, excluded.rests_until)
)sql";
constexpr const char* go_on = R"sql(
  DELETE FROM notification_lanes l USING notification_jobs j
  WHERE j.job_id = $1 AND l.tenant_id = j.tenant_id AND l.lane = j.lane
)sql";
constexpr double longest_rest_s = 30;

// A summary's incident has no alert of its own that would resolve it.
constexpr const char* resolve = R"sql(
  INSERT INTO notification_jobs (tenant_id, alert_id, channel_id, deliver_on_event, event_key,
                                 payload_json)
  SELECT s.tenant_id, s.alert_id, s.channel_id, 'CLOSED', 'RESOLVED:' || s.job_id,
    s.payload_json || jsonb_build_object('event_type', 'CLOSED', 'at', now(),
      'message', 'All alerts of this summary are closed.',
      'dedup_key', 'pulse-' || s.idempotency_key)
  FROM notification_jobs s
  JOIN notification_channels c ON c.tenant_id = s.tenant_id AND c.channel_id = s.channel_id
  WHERE s.deliver_on_event = 'SUMMARY' AND s.status = 'COMPLETED'
    AND c.channel_type = 'pagerduty' AND c.is_enabled
    AND NOT EXISTS (
      SELECT FROM notification_jobs j
      JOIN fleet_alert a ON a.tenant_id = j.tenant_id AND a.id = j.alert_id
      WHERE j.summary_job_id = s.job_id AND a.status <> 'CLOSED')
    AND NOT EXISTS (
      SELECT FROM notification_jobs r WHERE r.tenant_id = s.tenant_id AND r.alert_id = s.alert_id
        AND r.channel_id = s.channel_id AND r.event_key = 'RESOLVED:' || s.job_id)
  LIMIT 500
  ON CONFLICT DO NOTHING
)sql";

constexpr const char* waiting = R"sql(
  SELECT coalesce(c.channel_type, 'direct') AS type, count(*) AS jobs,
    coalesce(extract(epoch FROM now() - min(j.next_run_at) FILTER (
      WHERE j.status = 'PENDING' AND j.next_run_at <= now())), 0)::float8 AS oldest_due_s
  FROM notification_jobs j LEFT JOIN notification_channels c ON c.channel_id = j.channel_id
  WHERE j.status IN ('PENDING', 'PROCESSING') AND j.summary_job_id IS NULL GROUP BY 1
)sql";

constexpr const char* forget = R"sql(
  DELETE FROM notification_jobs WHERE job_id IN (
    SELECT j.job_id FROM notification_jobs j
    JOIN fleet_alert a ON a.tenant_id = j.tenant_id AND a.id = j.alert_id
    WHERE j.status IN ('COMPLETED', 'FAILED') AND j.updated_at < now() - interval '30 days'
      AND a.status = 'CLOSED'
    LIMIT 10000)
)sql";

}  // namespace

double back_off_s(std::int64_t attempts) {
  static constexpr double steps[] = {1, 5, 25, 60, 300, 900};
  const auto step = attempts - 1;
  const double base = step < 6 ? steps[std::max<std::int64_t>(step, 0)] : 3'600;
  thread_local std::minstd_rand random{std::random_device{}()};
  return base * std::uniform_real_distribution<double>(0.8, 1.2)(random);
}

Task<std::vector<ClaimedJob>> claim_jobs(pg::Pool& pool, int most) {
  const auto rows = co_await pool.query(worker_scope(), claim, pg::Params::of(most));
  co_return pg::rows_as<ClaimedJob>(rows);
}

Task<> fill_summary(pg::Pool& pool, std::int64_t job_id, Notice* notice) {
  const auto rows = co_await pool.query(worker_scope(), summary, pg::Params::of(job_id));
  const auto count = rows.int64(0, 0);
  notice->message =
      std::to_string(count) + " notifications within a minute: " + std::string(rows.text(0, 2));
  if (!rows.null(0, 1)) notice->severity = rows.int64(0, 1);
  notice->details = boost::json::object{{"count", count}};
  if (!rows.null(0, 3)) notice->details["alerts"] = boost::json::parse(rows.text(0, 3));
}

Task<> finish_job(pg::Pool& pool, ClaimedJob job, Attempt attempt) {
  const auto& r = attempt.result;
  const bool again = !r.ok && r.retry && !job.too_old;
  const auto asked = static_cast<double>(r.retry_after_s);
  const double wait = again ? std::max(back_off_s(job.attempts), asked) : 0;
  const std::string status = r.ok ? "COMPLETED" : again ? "PENDING" : "FAILED";
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      finish,
      pg::Params::of(job.job_id, job.attempts, r.ok,
                     r.http_status ? std::optional<std::int64_t>(r.http_status) : std::nullopt,
                     attempt.latency_ms, r.error.empty() ? std::nullopt : std::optional(r.error),
                     iso8601(attempt.started), iso8601(attempt.finished), status, wait));
  if (r.retry)
    statements.emplace_back(
        rest, pg::Params::of(job.job_id, std::max(asked, std::min(wait, longest_rest_s))));
  else
    statements.emplace_back(go_on, pg::Params::of(job.job_id));
  // Who has the message already does not get it again.
  if (again && !r.left.empty())
    statements.emplace_back(
        "UPDATE notification_jobs SET payload_json = payload_json || "
        "jsonb_build_object('only_to', to_jsonb($2::text[])) WHERE job_id = $1",
        pg::Params::of(job.job_id, r.left));
  co_await pool.batch(worker_scope(), std::move(statements));
}

Task<int> resolve_summaries(pg::Pool& pool) {
  const auto rows = co_await pool.query(worker_scope(), resolve);
  co_return static_cast<int>(rows.affected());
}

Task<std::vector<WaitingJobs>> waiting_jobs(pg::Pool& pool) {
  const auto rows = co_await pool.query(worker_scope(), waiting);
  co_return pg::rows_as<WaitingJobs>(rows);
}

Task<int> forget_old_jobs(pg::Pool& pool) {
  const auto rows = co_await pool.query(worker_scope(), forget);
  co_return static_cast<int>(rows.affected());
}

}  // namespace pulse::alerting::notifications
