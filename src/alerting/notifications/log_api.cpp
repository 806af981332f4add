// What was sent, and how it went.
#include <charconv>

#include "alerting/mounts.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/described.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;
using Text = std::optional<std::string>;
using Number = std::optional<std::int64_t>;
using JobId = http::Path<"job_id", std::int64_t>;

struct NotificationJob {
  std::int64_t job_id = 0;
  std::string tenant_id;
  std::int64_t alert_id = 0;
  Number channel_id, rule_id;
  std::string deliver_on_event, status;
  std::int64_t attempts = 0;
  Time next_run_at;
  Text last_error;
  boost::json::object payload_json;
  Text channel_name, channel_type, address;
  Number summary_job_id;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(NotificationJob, (),
                      (job_id, tenant_id, alert_id, channel_id, rule_id, deliver_on_event, status,
                       attempts, next_run_at, last_error, payload_json, channel_name, channel_type,
                       address, summary_job_id, created_at, updated_at))
struct NotificationJobs {
  std::vector<NotificationJob> jobs;
};
BOOST_DESCRIBE_STRUCT(NotificationJobs, (), (jobs))

struct JobsQuery {
  Number channel_id;
  Text status;
  std::int64_t limit = 20;
};
BOOST_DESCRIBE_STRUCT(JobsQuery, (), (channel_id, status, limit))
inline auto constraints(json::As<JobsQuery>) {
  return json::rules<JobsQuery>().range(&JobsQuery::limit, 1, 100);
}

struct DeliveryAttemptRow {
  std::string tenant_id;
  std::int64_t job_id = 0, attempt_no = 0;
  bool ok = false;
  Number http_status, latency_ms;
  Text error;
  Time started_at, finished_at;
};
BOOST_DESCRIBE_STRUCT(DeliveryAttemptRow, (),
                      (tenant_id, job_id, attempt_no, ok, http_status, latency_ms, error,
                       started_at, finished_at))
struct DeliveryStatus {
  std::string tenant_id;
  std::vector<DeliveryAttemptRow> attempts;
};
BOOST_DESCRIBE_STRUCT(DeliveryStatus, (), (tenant_id, attempts))
struct StatusQuery {
  std::int64_t limit = 20;
};
BOOST_DESCRIBE_STRUCT(StatusQuery, (), (limit))
inline auto constraints(json::As<StatusQuery>) {
  return json::rules<StatusQuery>().range(&StatusQuery::limit, 1, 100);
}

/// The same job as older clients read it: integration and route are channel and rule.
struct DeliveryJob {
  std::int64_t job_id = 0, alert_id = 0;
  Number channel_id, rule_id;
  std::string integration_id, route_id, status;
  std::int64_t attempts = 0;
  Text last_error;
  std::string deliver_on_event;
  Text channel_name, channel_type, address;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(DeliveryJob, (),
                      (job_id, alert_id, channel_id, rule_id, integration_id, route_id, status,
                       attempts, last_error, deliver_on_event, channel_name, channel_type, address,
                       created_at, updated_at))
struct DeliveryJobs {
  std::vector<DeliveryJob> jobs;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(DeliveryJobs, (), (jobs, total))
struct DeliveryJobsQuery {
  Text status, integration_id;
  Number alert_id;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(DeliveryJobsQuery, (), (status, integration_id, alert_id, limit, offset))
inline auto constraints(json::As<DeliveryJobsQuery>) {
  return json::rules<DeliveryJobsQuery>()
      .range(&DeliveryJobsQuery::limit, 1, 200)
      .range(&DeliveryJobsQuery::offset, 0, 1'000'000'000);
}
struct AttemptsOfJob {
  std::int64_t job_id = 0;
  std::vector<DeliveryAttemptRow> attempts;
};
BOOST_DESCRIBE_STRUCT(AttemptsOfJob, (), (job_id, attempts))

// A person's address is told; a URL may hold a secret.
const std::string joined =
    "FROM notification_jobs j LEFT JOIN notification_channels c USING (channel_id)";
const std::string place =
    "c.name AS channel_name, coalesce(c.channel_type, j.target ->> 'kind') AS channel_type, "
    "CASE WHEN j.target ->> 'kind' = 'email' THEN j.target ->> 'address' END AS address ";
const std::string select_attempts =
    "SELECT tenant_id, job_id, attempt_no, ok, http_status, latency_ms, error, started_at, "
    "finished_at FROM delivery_attempts ";

std::int64_t integration_number(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 1 || out > 2147483647)
    throw bad_request("Invalid integration_id");
  return out;
}

Task<NotificationJobs> list_jobs(AlertingDeps, TenantCaller caller, http::Query<JobsQuery> q) {
  pg::Clauses where(" AND ");
  if (q->channel_id) where.add("j.channel_id = ?", *q->channel_id);
  if (q->status) where.add("j.status = upper(?)", *q->status);
  auto sql = "SELECT j.*, " + place + joined + where.where() + " ORDER BY j.job_id DESC LIMIT " +
             std::to_string(q->limit);
  const auto rows = co_await caller.db.query(std::move(sql), where.params());
  NotificationJobs out;
  out.jobs = pg::rows_as<NotificationJob>(rows);
  co_return out;
}

Task<DeliveryStatus> delivery_status(AlertingDeps, TenantCaller caller,
                                     http::Query<StatusQuery> q) {
  const auto rows =
      co_await caller.db.query(select_attempts + "ORDER BY finished_at DESC, job_id DESC LIMIT $1",
                               pg::Params::of(q->limit));
  DeliveryStatus out;
  out.tenant_id = caller.tenant();
  out.attempts = pg::rows_as<DeliveryAttemptRow>(rows);
  co_return out;
}

Task<DeliveryJobs> list_delivery_jobs(AlertingDeps, TenantCaller caller,
                                      http::Query<DeliveryJobsQuery> q) {
  pg::Clauses where(" AND ");
  if (q->status) where.add("j.status = upper(?)", *q->status);
  if (q->integration_id) where.add("j.channel_id = ?", integration_number(*q->integration_id));
  if (q->alert_id) where.add("j.alert_id = ?", *q->alert_id);
  std::vector<pg::Statement> both;
  both.emplace_back(
      "SELECT j.*, coalesce(j.channel_id::text, '') AS integration_id, "
      "coalesce(j.rule_id::text, '') AS route_id, " +
          place + joined + where.where() + " ORDER BY j.job_id DESC LIMIT " +
          std::to_string(q->limit) + " OFFSET " + std::to_string(q->offset),
      where.params());
  both.emplace_back("SELECT count(*) FROM notification_jobs j" + where.where(), where.params());
  const auto results = co_await caller.db.batch(std::move(both));
  DeliveryJobs out;
  out.jobs = pg::rows_as<DeliveryJob>(results[0]);
  out.total = results[1].int64(0, 0);
  co_return out;
}

Task<AttemptsOfJob> attempts_of_job(AlertingDeps, TenantCaller caller, JobId id) {
  std::vector<pg::Statement> both;
  // A job that a summary told of was tried with it.
  both.emplace_back(
      "SELECT coalesce(summary_job_id, job_id) FROM notification_jobs "
      "WHERE job_id = $1",
      pg::Params::of(id.value));
  both.emplace_back(select_attempts +
                        "WHERE job_id = (SELECT coalesce(summary_job_id, job_id) "
                        "FROM notification_jobs WHERE job_id = $1) ORDER BY attempt_no",
                    pg::Params::of(id.value));
  const auto results = co_await caller.db.batch(std::move(both));
  if (results[0].empty()) throw not_found("Delivery job not found");
  AttemptsOfJob out;
  out.job_id = id.value;
  out.attempts = pg::rows_as<DeliveryAttemptRow>(results[1]);
  co_return out;
}

}  // namespace

void mount_notification_log(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer";
  api.get(base + "/notification-jobs", http::bound(d, list_jobs))
      .customers()
      .tag("Notifications")
      .summary("The latest notifications, newest first");
  api.get(base + "/delivery-status", http::bound(d, delivery_status))
      .customers()
      .tag("Notifications")
      .summary("The latest attempts to deliver notifications");
  api.get(base + "/delivery-jobs", http::bound(d, list_delivery_jobs))
      .customers()
      .tag("Notifications")
      .summary("The delivery log: notifications by status, channel or alert")
      .fails(400, "Invalid integration_id");
  api.get(base + "/delivery-jobs/{job_id}/attempts", http::bound(d, attempts_of_job))
      .customers()
      .tag("Notifications")
      .summary("Each attempt to deliver a notification, with its status and duration")
      .fails(404, "Delivery job not found");
}

}  // namespace pulse::alerting
