#include "fleet/jobs.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

const std::string select_jobs = R"sql(
  SELECT j.job_id, j.document_type, j.document_params, j.status, j.target_device_id,
         j.target_group_id, j.target_all, j.expires_at, j.created_by, j.created_at, j.updated_at,
         e.total_executions, e.succeeded_count, e.failed_count, e.open_count
  FROM jobs j CROSS JOIN LATERAL (
    SELECT coalesce(sum(executions), 0) AS total_executions,
           coalesce(sum(executions) FILTER (WHERE status = 'SUCCEEDED'), 0) AS succeeded_count,
           coalesce(sum(executions) FILTER (WHERE status IN ('FAILED', 'TIMED_OUT', 'REJECTED')), 0)
             AS failed_count,
           coalesce(sum(executions) FILTER (WHERE status IN ('QUEUED', 'IN_PROGRESS')), 0)
             AS open_count
    FROM job_execution_counts WHERE tenant_id = j.tenant_id AND job_id = j.job_id) e
)sql";

/// Which devices a job is for; `parameter` holds the device's id or the group's members.
std::string targets_of(const CreateJob& job) {
  if (job.target_device_id) return "device_id = $9";
  if (job.target_group_id) return "device_id = ANY($9::text[])";
  return "$9::text IS NULL";
}

PendingJob pending_of(const pg::Result& rows, int row) {
  auto out = pg::row_as<PendingJob>(rows, row);
  out.document.type = rows.text(row, rows.column("document_type"));
  out.document.params.text = rows.text(row, rows.column("document_params"));
  return out;
}

}  // namespace

Task<MadeJob> insert_job(tenancy::TenantDb db, std::string tenant_id, std::string job_id,
                         std::string created_by, CreateJob job, std::vector<std::string> members) {
  std::optional<std::int64_t> hours = 24;
  if (job.expires_in_hours) hours = job.expires_in_hours.value;
  auto params =
      pg::Params::of(tenant_id, job_id, job.document_type, json::to_text(job.document_params),
                     job.target_device_id, job.target_group_id, hours, created_by);
  if (job.target_group_id)
    params.add(members);
  else
    params.add(job.target_device_id);
  const auto rows = co_await db.query(R"sql(
    WITH targets AS (
      SELECT device_id FROM device_registry WHERE status = 'ACTIVE' AND )sql" +
                                          targets_of(job) + R"sql(
    ), made AS (
      INSERT INTO jobs (tenant_id, job_id, document_type, document_params, target_device_id,
        target_group_id, target_all, expires_at, created_by)
      SELECT $1, $2, $3, $4::jsonb, $5, $6, $5::text IS NULL AND $6::text IS NULL,
        now() + make_interval(hours => $7::integer), $8
      WHERE EXISTS (SELECT FROM targets)
      ON CONFLICT DO NOTHING RETURNING expires_at, created_at
    ), queued AS (
      INSERT INTO job_executions (tenant_id, job_id, device_id)
      SELECT $1, $2, t.device_id FROM made CROSS JOIN targets t
    )
    SELECT NOT EXISTS (SELECT FROM made) AS taken, (SELECT expires_at FROM made) AS expires_at,
           (SELECT created_at FROM made) AS created_at, array_agg(device_id) AS targets
    FROM targets HAVING count(*) > 0
  )sql",
                                      std::move(params));
  MadeJob out;
  if (rows.empty()) co_return out;
  out.targets = pg::parse_text_array(rows.text(0, 3));
  out.taken = rows.boolean(0, 0);
  pg::read_value(rows, 0, 1, out.expires_at);
  if (!out.taken) pg::read_value(rows, 0, 2, out.created_at);
  co_return out;
}

Task<JobPage> jobs_page(tenancy::TenantDb db, std::optional<std::string> status, std::int64_t limit,
                        std::int64_t offset) {
  std::vector<pg::Statement> statements;
  statements.emplace_back("SELECT count(*) FROM jobs WHERE $1::text IS NULL OR status = $1",
                          pg::Params::of(status));
  statements.emplace_back(select_jobs +
                              " WHERE $1::text IS NULL OR j.status = $1 "
                              "ORDER BY j.created_at DESC, j.job_id LIMIT $2 OFFSET $3",
                          pg::Params::of(status, limit, offset));
  const auto results = co_await db.batch(std::move(statements));
  JobPage out;
  out.total = results[0].int64(0, 0);
  out.jobs = pg::rows_as<Job>(results[1]);
  co_return out;
}

Task<std::optional<Job>> find_job(tenancy::TenantDb db, std::string job_id) {
  const auto rows = co_await db.query(select_jobs + " WHERE j.job_id = $1", pg::Params::of(job_id));
  co_return pg::first_as<Job>(rows);
}

Task<std::vector<JobExecution>> executions_of(tenancy::TenantDb db, std::string job_id,
                                              std::optional<std::string> status, std::int64_t limit,
                                              std::int64_t offset) {
  const auto rows = co_await db.query(
      R"sql(
    SELECT device_id, status, status_details, queued_at, started_at, last_updated_at,
           execution_number
    FROM job_executions WHERE job_id = $1 AND ($2::text IS NULL OR status = $2)
    ORDER BY array_position('{FAILED,REJECTED,TIMED_OUT,IN_PROGRESS,QUEUED,SUCCEEDED}', status),
             device_id
    LIMIT $3 OFFSET $4
  )sql",
      pg::Params::of(job_id, status, limit, offset));
  co_return pg::rows_as<JobExecution>(rows);
}

Task<std::optional<std::string>> cancel_job(tenancy::TenantDb db, std::string job_id,
                                            std::string reason) {
  const auto rows = co_await db.query(R"sql(
    WITH was AS (
      SELECT tenant_id, job_id, status FROM jobs WHERE job_id = $1 FOR UPDATE
    ), canceled AS (
      UPDATE jobs j SET status = 'CANCELED', updated_at = now()
      FROM was WHERE j.tenant_id = was.tenant_id AND j.job_id = was.job_id
        AND was.status = 'IN_PROGRESS'
      RETURNING j.tenant_id, j.job_id
    ), rejected AS (
      UPDATE job_executions e SET status = 'REJECTED', last_updated_at = now(),
        execution_number = execution_number + 1,
        status_details = jsonb_build_object('reason', $2::text)
      FROM canceled c WHERE e.tenant_id = c.tenant_id AND e.job_id = c.job_id
        AND e.status = 'QUEUED'
    )
    SELECT status FROM was
  )sql",
                                      pg::Params::of(job_id, reason));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

Task<std::vector<PendingJob>> pending_jobs(tenancy::TenantDb db, std::string device_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT e.job_id, e.execution_number, e.queued_at, j.expires_at, j.document_type,
           j.document_params
    FROM job_executions e JOIN jobs j USING (tenant_id, job_id)
    WHERE e.device_id = $1 AND e.status = 'QUEUED' AND j.status = 'IN_PROGRESS'
      AND (j.expires_at IS NULL OR j.expires_at > now())
    ORDER BY e.queued_at, e.job_id LIMIT 10
  )sql",
                                      pg::Params::of(device_id));
  std::vector<PendingJob> out;
  for (int i = 0; i < rows.rows(); ++i) out.push_back(pending_of(rows, i));
  co_return out;
}

Task<std::optional<DeviceExecution>> find_execution(tenancy::TenantDb db, std::string job_id,
                                                    std::string device_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT e.job_id, e.device_id, e.status, e.status_details, e.execution_number, e.queued_at,
           e.started_at, j.expires_at, j.document_type, j.document_params
    FROM job_executions e JOIN jobs j USING (tenant_id, job_id)
    WHERE e.job_id = $1 AND e.device_id = $2
  )sql",
                                      pg::Params::of(job_id, device_id));
  auto out = pg::first_as<DeviceExecution>(rows);
  if (!out) co_return std::nullopt;
  out->document.type = rows.text(0, rows.column("document_type"));
  out->document.params.text = rows.text(0, rows.column("document_params"));
  co_return out;
}

Task<ExecutionUpdate> update_execution(tenancy::TenantDb db, std::string job_id,
                                       std::string device_id, std::int64_t number,
                                       std::string status,
                                       std::optional<boost::json::object> details) {
  std::optional<std::string> text;
  if (details) text = json::to_text(*details);
  // Two last devices at once each see the other's execution open: the upkeep completes the job
  // then.
  const auto rows = co_await db.query(R"sql(
    WITH changed AS (
      UPDATE job_executions SET status = $4, status_details = coalesce($5::jsonb, status_details),
        execution_number = execution_number + 1, last_updated_at = now(),
        started_at = coalesce(started_at, now())
      WHERE job_id = $1 AND device_id = $2 AND execution_number = $3
      RETURNING tenant_id, job_id, device_id
    ), completed AS (
      UPDATE jobs j SET status = 'COMPLETED', updated_at = now()
      FROM changed c WHERE j.tenant_id = c.tenant_id AND j.job_id = c.job_id
        AND j.status = 'IN_PROGRESS' AND $4 NOT IN ('QUEUED', 'IN_PROGRESS')
        AND NOT EXISTS (SELECT FROM job_executions o WHERE o.tenant_id = c.tenant_id
          AND o.job_id = c.job_id AND o.device_id <> c.device_id
          AND o.status IN ('QUEUED', 'IN_PROGRESS'))
      RETURNING j.job_id
    )
    SELECT EXISTS (SELECT FROM changed), EXISTS (SELECT FROM completed)
  )sql",
                                      pg::Params::of(job_id, device_id, number, status, text));
  ExecutionUpdate out;
  out.changed = rows.boolean(0, 0);
  out.completed = rows.boolean(0, 1);
  co_return out;
}

namespace {

Task<std::vector<DeviceMessage>> job_notices(pg::Pool* pool, std::string tenant,
                                             std::string device) {
  const auto db = tenancy::TenantDb::for_worker(*pool, tenant, "a device asks for its own jobs");
  const auto jobs = co_await pending_jobs(db, device);
  std::vector<DeviceMessage> out;
  for (const auto& job : jobs) {
    auto& message = out.emplace_back();
    message.payload = json::to_text(job);
  }
  co_return out;
}

}  // namespace

PendingMessages pending_job_notices(pg::Pool& pool) {
  return [p = &pool](std::string tenant, std::string device) {
    return job_notices(p, std::move(tenant), std::move(device));
  };
}

Task<> run_job_upkeep(pg::Pool& pool, nats::Client& nats) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto ended = co_await pool.query(scope, R"sql(
    WITH timed_out AS (
      UPDATE job_executions e SET status = 'TIMED_OUT', last_updated_at = now(),
        execution_number = execution_number + 1,
        status_details = '{"reason": "job_expired"}'
      FROM jobs j WHERE j.status = 'IN_PROGRESS' AND j.expires_at <= now()
        AND e.tenant_id = j.tenant_id AND e.job_id = j.job_id AND e.status = 'QUEUED'
      RETURNING e.tenant_id, e.job_id
    ), completed AS (
      UPDATE jobs j SET status = 'COMPLETED', updated_at = now()
      WHERE j.status = 'IN_PROGRESS' AND NOT EXISTS (
        SELECT FROM job_executions e WHERE e.tenant_id = j.tenant_id AND e.job_id = j.job_id
          AND (e.status = 'IN_PROGRESS'
               OR e.status = 'QUEUED' AND (j.expires_at IS NULL OR j.expires_at > now())))
      RETURNING j.tenant_id
    )
    SELECT tenant_id FROM timed_out UNION SELECT tenant_id FROM completed
  )sql");
  for (const auto& tenant : pg::texts(ended))
    nats.publish("live." + tenant, R"({"type":"changed","what":"jobs"})");
  // After 1, 2, 4, ... minutes, at most an hour: devices that are off must not cost much.
  const auto notices = co_await pool.query(scope, R"sql(
    WITH due AS (
      SELECT e.tenant_id, e.job_id, e.device_id FROM job_executions e
      WHERE e.status = 'QUEUED' AND e.notify_at <= now()
      ORDER BY e.notify_at LIMIT 5000
    ), told AS (
      UPDATE job_executions e SET notices = e.notices + 1,
        notify_at = now() + make_interval(mins => least(60, 1 << least(e.notices, 6)))
      FROM due WHERE e.tenant_id = due.tenant_id AND e.job_id = due.job_id
        AND e.device_id = due.device_id
      RETURNING e.tenant_id, e.job_id, e.device_id, e.execution_number, e.queued_at
    )
    SELECT t.tenant_id, t.device_id, t.job_id, t.execution_number, t.queued_at, j.expires_at,
           j.document_type, j.document_params
    FROM told t JOIN jobs j USING (tenant_id, job_id) WHERE j.status = 'IN_PROGRESS'
  )sql");
  for (int i = 0; i < notices.rows(); ++i)
    send_to_device(nats, notices.text(i, 0), notices.text(i, 1), "jobs/notify",
                   json::to_text(pending_of(notices, i)));
}

}  // namespace pulse::fleet
