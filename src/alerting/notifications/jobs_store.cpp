#include <algorithm>
#include <random>

#include "alerting/evaluator_store.hpp"
#include "alerting/notifications/jobs.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting::notifications {

namespace {

// A place that does not answer takes up the time of few jobs: no more than 4 of a channel and 12 of
// a tenant are under way.
constexpr const char* claim = R"sql(
  WITH due AS (
    SELECT j.job_id, j.tenant_id, j.channel_id, j.next_run_at FROM notification_jobs j
    WHERE j.status IN ('PENDING', 'PROCESSING') AND j.next_run_at <= now()
      AND (j.status = 'PENDING' OR j.lease_until < now()) AND j.summary_job_id IS NULL
      AND NOT EXISTS (
        SELECT FROM notification_jobs e WHERE e.tenant_id = j.tenant_id
          AND e.alert_id = j.alert_id AND e.channel_id = j.channel_id AND e.job_id < j.job_id
          AND e.status IN ('PENDING', 'PROCESSING') AND j.deliver_on_event <> 'SUMMARY'
          AND e.deliver_on_event <> 'SUMMARY')
    ORDER BY j.next_run_at LIMIT 2000
  ), busy AS (
    SELECT tenant_id, channel_id, count(*) AS jobs FROM notification_jobs
    WHERE status = 'PROCESSING' AND lease_until >= now() GROUP BY tenant_id, channel_id
  ), ranked AS (
    SELECT d.job_id, d.next_run_at,
      row_number() OVER (PARTITION BY d.tenant_id, d.channel_id ORDER BY d.next_run_at, d.job_id)
        + coalesce((SELECT jobs FROM busy b WHERE b.tenant_id = d.tenant_id
                    AND b.channel_id IS NOT DISTINCT FROM d.channel_id), 0) AS of_channel,
      row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.next_run_at, d.job_id)
        + coalesce((SELECT sum(jobs) FROM busy b WHERE b.tenant_id = d.tenant_id), 0) AS of_tenant
    FROM due d
  ), picked AS (
    SELECT j.job_id FROM notification_jobs j
    WHERE j.job_id IN (SELECT job_id FROM ranked WHERE of_channel <= 4 AND of_tenant <= 12
                       ORDER BY next_run_at, job_id LIMIT $1)
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
    j.created_at < now() - interval '24 hours' AS too_old
  FROM claimed j LEFT JOIN notification_channels c ON c.channel_id = j.channel_id
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

// A place that fails is left alone for a moment by everything that is meant for it.
constexpr const char* rest = R"sql(
  UPDATE notification_jobs SET next_run_at = now() + make_interval(secs => $2::float8)
  WHERE channel_id = $1 AND status = 'PENDING'
    AND next_run_at < now() + make_interval(secs => $2::float8)
)sql";
constexpr double longest_rest_s = 30;

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
  const double wait =
      again ? std::max(back_off_s(job.attempts), static_cast<double>(r.retry_after_s)) : 0;
  const std::string status = r.ok ? "COMPLETED" : again ? "PENDING" : "FAILED";
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      finish,
      pg::Params::of(job.job_id, job.attempts, r.ok,
                     r.http_status ? std::optional<std::int64_t>(r.http_status) : std::nullopt,
                     attempt.latency_ms, r.ok ? std::nullopt : std::optional(r.error),
                     iso8601(attempt.started), iso8601(attempt.finished), status, wait));
  if (again && job.channel_id)
    statements.emplace_back(rest, pg::Params::of(*job.channel_id, std::min(wait, longest_rest_s)));
  co_await pool.batch(worker_scope(), std::move(statements));
}

Task<int> forget_old_jobs(pg::Pool& pool) {
  const auto rows = co_await pool.query(worker_scope(), forget);
  co_return static_cast<int>(rows.affected());
}

}  // namespace pulse::alerting::notifications
