// Jobs as people make, see and cancel them.
#include "fleet/group_targets.hpp"
#include "fleet/jobs.hpp"
#include "fleet/mounts.hpp"
#include "fleet/optional_body.hpp"
#include "platform/ids.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct JobsQuery {
  std::optional<std::string> status;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(JobsQuery, (), (status, limit, offset))
inline auto constraints(json::As<JobsQuery>) {
  return json::rules<JobsQuery>()
      .range(&JobsQuery::limit, 1, 200)
      .range(&JobsQuery::offset, 0, 1'000'000'000);
}

struct JobList {
  std::vector<Job> jobs;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs, total, limit, offset))

struct CreatedJob {
  std::string job_id, status;
  std::int64_t execution_count = 0;
  std::optional<Time> expires_at;
};
BOOST_DESCRIBE_STRUCT(CreatedJob, (), (job_id, status, execution_count, expires_at))

struct JobQuery {
  std::optional<std::string> execution_status;
  std::int64_t limit = 1000, offset = 0;
};
BOOST_DESCRIBE_STRUCT(JobQuery, (), (execution_status, limit, offset))
inline auto constraints(json::As<JobQuery>) {
  return json::rules<JobQuery>()
      .describe(&JobQuery::execution_status, "Only executions that stand so")
      .range(&JobQuery::limit, 1, 10'000)
      .range(&JobQuery::offset, 0, 1'000'000'000);
}

struct JobDetail : Job {
  std::vector<JobExecution> executions;
};
BOOST_DESCRIBE_STRUCT(JobDetail, (Job), (executions))

struct CancelJob {
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(CancelJob, (), (reason))
inline auto constraints(json::As<CancelJob>) {
  return json::rules<CancelJob>().length(&CancelJob::reason, 0, 500);
}

struct CanceledJob {
  std::string job_id, status;
};
BOOST_DESCRIBE_STRUCT(CanceledJob, (), (job_id, status))

Task<JobList> list_jobs(FleetDeps, TenantCaller caller, http::Query<JobsQuery> query) {
  auto page = co_await jobs_page(caller.db, query->status, query->limit, query->offset);
  JobList out;
  out.jobs = std::move(page.jobs);
  out.total = page.total;
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

/// Tells each device at once; who is not connected asks later.
void notify(const FleetDeps& d, const std::string& tenant, const std::string& job_id,
            const CreateJob& job, const MadeJob& made) {
  PendingJob notice;
  notice.job_id = job_id;
  notice.document.type = job.document_type;
  notice.document.params.text = json::to_text(job.document_params);
  notice.queued_at = made.created_at;
  notice.expires_at = made.expires_at;
  const auto text = json::to_text(notice);
  for (const auto& device : made.targets)
    send_to_device(*d.nats, tenant, device, "jobs/notify", text);
}

Task<http::Created<CreatedJob>> create_job(FleetDeps d, TenantCaller caller,
                                           http::Body<CreateJob> body) {
  const int targets = (body->target_device_id ? 1 : 0) + (body->target_group_id ? 1 : 0) +
                      (body->target_all ? 1 : 0);
  if (targets != 1)
    throw bad_request("Exactly one of target_device_id, target_group_id, target_all must be set");
  std::vector<std::string> members;
  if (body->target_group_id) {
    auto known = co_await targets_in_group(caller.db, *body->target_group_id);
    if (known) members = std::move(*known);
  }
  CreatedJob out;
  out.job_id = body->job_id ? *body->job_id : short_id("job-", 16);
  const auto made = co_await insert_job(caller.db, caller.tenant(), out.job_id,
                                        creator_of(caller.who), body.value, std::move(members));
  if (made.targets.empty() && body->target_device_id) throw not_found("Device not found");
  if (made.targets.empty())
    throw bad_request(body->target_group_id ? "Group has no members" : "No devices in tenant");
  if (made.taken) throw conflict("Job ID already exists");
  out.status = "IN_PROGRESS";
  out.execution_count = static_cast<std::int64_t>(made.targets.size());
  out.expires_at = made.expires_at;
  notify(d, caller.tenant(), out.job_id, body.value, made);
  tell_pages(d, caller.tenant(), "jobs");
  boost::json::object details{{"document_type", body->document_type},
                              {"executions", out.execution_count}};
  if (body->target_device_id) details["target_device_id"] = *body->target_device_id;
  if (body->target_group_id) details["target_group_id"] = *body->target_group_id;
  if (body->target_all) details["target_all"] = true;
  d.audit->write(AuditLog::of(caller, "job.created", "create", "job", out.job_id,
                              "Job " + out.job_id + " (" + body->document_type + ") created",
                              std::move(details)));
  co_return http::Created<CreatedJob>{std::move(out)};
}

Task<JobDetail> get_job(FleetDeps, TenantCaller caller, http::Path<"job_id"> id,
                        http::Query<JobQuery> query) {
  auto job = co_await find_job(caller.db, id.value);
  if (!job) throw not_found("Job not found");
  JobDetail out;
  static_cast<Job&>(out) = std::move(*job);
  out.executions = co_await executions_of(caller.db, id.value, query->execution_status,
                                          query->limit, query->offset);
  co_return out;
}

Task<CanceledJob> delete_job(FleetDeps d, TenantCaller caller, http::Path<"job_id"> id,
                             OptionalBody<CancelJob> body) {
  const std::string reason =
      body.value && body.value->reason ? *body.value->reason : "job_canceled";
  const auto was = co_await cancel_job(caller.db, id.value, reason);
  if (!was) throw not_found("Job not found");
  if (*was != "IN_PROGRESS") throw bad_request("Cannot cancel job in status " + *was);
  tell_pages(d, caller.tenant(), "jobs");
  d.audit->write(AuditLog::of(caller, "job.canceled", "cancel", "job", id.value,
                              "Job " + id.value + " canceled",
                              boost::json::object{{"reason", reason}}));
  CanceledJob out;
  out.job_id = id.value;
  out.status = "CANCELED";
  co_return out;
}

}  // namespace

void mount_jobs(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/jobs";
  api.get(base, http::bound(d, list_jobs))
      .customers()
      .tag("Jobs")
      .summary("List jobs, newest first");
  api.post(base, http::bound(d, create_job))
      .needs("devices.commands.send")
      .tag("Jobs")
      .summary("Make a job for a device, a group or all devices")
      .description(
          "Each device that is active gets an execution of its own, and is told over MQTT "
          "(`jobs/notify`) or when it asks `GET /device/v1/jobs/pending`.")
      .fails(400, "Exactly one of target_device_id, target_group_id, target_all must be set")
      .fails(400, "Group has no members")
      .fails(400, "No devices in tenant")
      .fails(404, "Device not found")
      .fails(409, "Job ID already exists")
      .example({{"document_type", "reboot"},
                {"document_params", {{"delay_s", 5}}},
                {"target_device_id", "cold-0001"}});
  api.get(base + "/{job_id}", http::bound(d, get_job))
      .customers()
      .tag("Jobs")
      .summary("A job with its executions")
      .fails(404, "Job not found");
  api.del(base + "/{job_id}", http::bound(d, delete_job))
      .needs("devices.commands.send")
      .tag("Jobs")
      .summary("Cancel a job: what no device has begun is rejected")
      .fails(400, "Cannot cancel job in status COMPLETED")
      .fails(404, "Job not found");
}

}  // namespace pulse::fleet
